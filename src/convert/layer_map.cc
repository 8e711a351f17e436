#include "convert/layer_map.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

#include "base/strings.h"

namespace w8a16 {
namespace {

// A name taken apart: "model.layers.3.mlp.experts.7.w1" is stack "model.layers", number 3, kind {mlp, experts, w1}.
struct Place {
  std::string stack;
  std::optional<uint64_t> number;
  std::vector<std::string> kind;
};

std::optional<uint64_t> ParseNumber(std::string_view text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Place Locate(std::string_view name) {
  Place place;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string_view part = name.substr(begin, end - begin);
    if (const std::optional<uint64_t> number = ParseNumber(part)) {
      if (!place.number) {
        place.number = number;
        place.stack = begin == 0 ? "" : name.substr(0, begin - 1);
        place.kind.clear();
      }
    } else {
      place.kind.emplace_back(part);
    }
    begin = end + 1;
  }
  return place;
}

std::string Suffix(const std::vector<std::string>& parts, size_t count) {
  const auto first = parts.end() - static_cast<std::ptrdiff_t>(std::min(count, parts.size()));
  return Join({first, parts.end()}, ".");
}

// As few of the last parts of each as tell it from all others: c_proj of attention and of the MLP are two kinds.
std::vector<std::string> ShortestLabels(const std::vector<std::vector<std::string>>& kinds) {
  std::vector<std::string> labels(kinds.size());
  size_t longest = 1;
  for (const auto& kind : kinds) longest = std::max(longest, kind.size());
  for (size_t count = 1; count <= longest; ++count) {
    std::map<std::string, size_t> uses;
    for (const auto& kind : kinds) ++uses[Suffix(kind, count)];
    for (size_t i = 0; i < kinds.size(); ++i) {
      const std::string label = Suffix(kinds[i], count);
      if (labels[i].empty() && (uses[label] == 1 || count == longest)) labels[i] = label;
    }
  }
  return labels;
}

class Mapper {
 public:
  explicit Mapper(const std::vector<ConvertedLayer>& layers) : layers_(layers) {
    for (const ConvertedLayer& layer : layers) places_.push_back(Locate(layer.name));
  }

  LayerMap Run() {
    MakeColumns();
    MakeKinds();
    MergeSmallKinds();
    for (LayerKind& kind : map_.kinds) MakePoints(kind);
    return std::move(map_);
  }

 private:
  // Stacks in the order in which the model has them, their blocks by number, then what has no number.
  void MakeColumns() {
    std::vector<std::string> stacks;
    std::map<std::string, std::set<uint64_t>> numbers;
    for (const Place& place : places_) {
      if (!place.number) continue;
      if (!numbers.contains(place.stack)) stacks.push_back(place.stack);
      numbers[place.stack].insert(*place.number);
    }
    std::vector<std::string> labels;
    std::map<std::string, std::map<uint64_t, size_t>> column_of;
    for (const std::string& stack : stacks) {
      const size_t begin = labels.size();
      for (const uint64_t number : numbers[stack]) {
        column_of[stack][number] = labels.size();
        labels.push_back(std::to_string(number));
      }
      map_.stacks.push_back({stack, begin, labels.size()});
    }
    const size_t numbered = labels.size();
    for (size_t i = 0; i < layers_.size(); ++i) {
      const Place& place = places_[i];
      column_[&layers_[i]] = place.number ? column_of[place.stack][*place.number] : labels.size();
      if (!place.number) labels.push_back(Suffix(place.kind, 1));
    }
    if (labels.size() > numbered) map_.stacks.push_back({"", numbered, labels.size()});
    ShareColumns(labels);
  }

  void ShareColumns(const std::vector<std::string>& labels) {
    const size_t all = labels.size();
    const size_t columns = std::min(all, LayerMap::kMaxColumns);
    const auto shared = [all, columns](size_t column) { return all == 0 ? 0 : column * columns / all; };
    map_.columns.resize(columns);
    for (size_t i = all; i > 0; --i) map_.columns[shared(i - 1)] = labels[i - 1];
    for (LayerStack& stack : map_.stacks) {
      stack.begin = shared(stack.begin);
      stack.end = std::max(stack.begin + 1, shared(stack.end));
    }
    for (auto& [layer, column] : column_) column = shared(column);
  }

  void MakeKinds() {
    std::map<std::vector<std::string>, size_t> index;
    std::vector<std::vector<std::string>> kinds;
    for (size_t i = 0; i < layers_.size(); ++i) {
      const auto [at, added] = index.emplace(places_[i].kind, kinds.size());
      if (added) {
        kinds.push_back(places_[i].kind);
        map_.kinds.emplace_back();
      }
      map_.kinds[at->second].layers.push_back(&layers_[i]);
    }
    const std::vector<std::string> labels = ShortestLabels(kinds);
    for (size_t i = 0; i < kinds.size(); ++i) map_.kinds[i].label = labels[i].empty() ? "(no name)" : labels[i];
  }

  void MergeSmallKinds() {
    if (map_.kinds.size() <= LayerMap::kMaxKinds) return;
    std::vector<size_t> by_size(map_.kinds.size());
    for (size_t i = 0; i < by_size.size(); ++i) by_size[i] = i;
    std::stable_sort(by_size.begin(), by_size.end(),
                     [&](size_t a, size_t b) { return map_.kinds[a].layers.size() > map_.kinds[b].layers.size(); });
    const std::set<size_t> kept(by_size.begin(), by_size.begin() + LayerMap::kMaxKinds - 1);
    std::vector<LayerKind> kinds;
    LayerKind others;
    for (size_t i = 0; i < map_.kinds.size(); ++i) {
      LayerKind& kind = map_.kinds[i];
      if (kept.contains(i)) {
        kinds.push_back(std::move(kind));
      } else {
        others.layers.insert(others.layers.end(), kind.layers.begin(), kind.layers.end());
      }
    }
    others.label = StrCat(map_.kinds.size() - kinds.size(), " other kinds");
    kinds.push_back(std::move(others));
    map_.kinds = std::move(kinds);
  }

  void MakePoints(LayerKind& kind) const {
    std::map<size_t, std::vector<const ConvertedLayer*>> by_column;
    for (const ConvertedLayer* layer : kind.layers) by_column[column_.at(layer)].push_back(layer);
    for (auto& [column, layers] : by_column) {
      std::stable_sort(layers.begin(), layers.end(),
                       [](const ConvertedLayer* a, const ConvertedLayer* b) { return a->sqnr_db < b->sqnr_db; });
      kind.points.push_back({column, std::move(layers)});
    }
  }

  const std::vector<ConvertedLayer>& layers_;
  std::vector<Place> places_;
  std::unordered_map<const ConvertedLayer*, size_t> column_;
  LayerMap map_;
};

}  // namespace

LayerMap MapLayers(const std::vector<ConvertedLayer>& layers) { return Mapper(layers).Run(); }

}  // namespace w8a16
