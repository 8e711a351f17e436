#include "checkpoint/json.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <memory>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr size_t kMaxDepth = 100;
constexpr size_t kMaxReason = 160;

// Tells the handler how far the lexer has read: its callbacks carry no position.
class TrackingIterator {
 public:
  using iterator_category = std::forward_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  TrackingIterator(const char* at, const char** reached) : at_(at), reached_(reached) {}
  reference operator*() const { return *at_; }
  TrackingIterator& operator++() {
    *reached_ = ++at_;
    return *this;
  }
  TrackingIterator operator++(int) {
    TrackingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const TrackingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const TrackingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  const char** reached_;
};

// Builds the document. The library's own builder looks every key up in the object so far (quadratic for ordered
// objects, where a vocabulary has 256,000 keys) and lets a repeated key pass.
class Builder {
 public:
  Builder(std::string_view text, std::string_view source) : text_(text), source_(source), reached_(text.data()) {}

  Json Build() {
    const char* begin = text_.data();
    const char* end = begin + text_.size();
    Json::sax_parse(TrackingIterator(begin, &reached_), TrackingIterator(end, &reached_), this);
    return std::move(root_);
  }

  bool null() { return Put(nullptr); }
  bool boolean(bool value) { return Put(value); }
  bool number_integer(Json::number_integer_t value) { return Put(value); }
  bool number_unsigned(Json::number_unsigned_t value) { return Put(value); }
  bool number_float(Json::number_float_t value, const std::string& /*text*/) { return Put(value); }
  bool string(std::string& value) { return Put(std::move(value)); }
  bool binary(Json::binary_t& value) { return Put(std::move(value)); }
  bool start_object(size_t /*size*/) { return Enter(Json::object()); }
  bool start_array(size_t /*size*/) { return Enter(Json::array()); }
  bool end_object() { return Leave(); }
  bool end_array() { return Leave(); }

  bool key(std::string& name) {
    Level& level = levels_.back();
    if (!level.keys.insert(name).second) {
      Fail(StrCat("the key \"", name.substr(0, kMaxReason), "\" stands twice in one object"));
    }
    auto& members = level.value->get_ref<Json::object_t&>();
    // Straight to the vector below the ordered map, whose own emplace searches it.
    members.Json::object_t::Container::emplace_back(std::move(name), nullptr);
    member_ = &members.back().second;
    return true;
  }

  bool parse_error(size_t position, const std::string& /*token*/, const nlohmann::detail::exception& error) {
    // "[json.exception.parse_error.101] parse error at line 1, column 2: REASON": keep the reason.
    std::string_view reason = error.what();
    reason.remove_prefix(std::min(reason.size(), reason.find("] ") + 2));
    if (reason.starts_with("parse error at ")) reason.remove_prefix(reason.find(": ") + 2);
    std::string clean(reason.substr(0, kMaxReason));
    for (char& c : clean) {
      if (c < ' ' || c > '~') c = '?';
    }
    // Where the token ends; to see the end of a number the lexer has read on.
    reached_ = text_.data() + std::min(position, text_.size());
    Fail(StrCat("malformed JSON: ", clean, clean.size() < reason.size() ? "..." : ""));
  }

 private:
  struct Level {
    Json* value;
    std::unordered_set<std::string> keys;
  };

  [[noreturn]] void Fail(const std::string& reason) const {
    const std::string_view read = text_.substr(0, static_cast<size_t>(reached_ - text_.data()));
    const size_t line_start = read.rfind('\n') == std::string_view::npos ? 0 : read.rfind('\n') + 1;
    const auto line = std::count(read.begin(), read.begin() + static_cast<std::ptrdiff_t>(line_start), '\n') + 1;
    const size_t column = std::max<size_t>(1, read.size() - line_start);
    throw Error(StrCat(source_, ": line ", line, ", column ", column, ": ", reason));
  }

  template <class Value>
  Json* Place(Value&& value) {
    if (levels_.empty()) return &(root_ = std::forward<Value>(value));
    Json& parent = *levels_.back().value;
    if (parent.is_object()) return &(*member_ = std::forward<Value>(value));
    auto& items = parent.get_ref<Json::array_t&>();
    items.emplace_back(std::forward<Value>(value));
    return &items.back();
  }

  template <class Value>
  bool Put(Value&& value) {
    Place(std::forward<Value>(value));
    return true;
  }

  bool Enter(Json container) {
    if (levels_.size() == kMaxDepth) Fail(StrCat("nested deeper than ", kMaxDepth, " levels"));
    Json* placed = Place(std::move(container));
    levels_.push_back({placed, {}});
    return true;
  }

  bool Leave() {
    levels_.pop_back();
    return true;
  }

  std::string_view text_;
  std::string_view source_;
  const char* reached_;
  Json root_;
  std::vector<Level> levels_;
  Json* member_ = nullptr;
};

}  // namespace

Json ParseJson(std::string_view text, std::string_view source) { return Builder(text, source).Build(); }

std::string ReadTextFile(const std::filesystem::path& path) {
  const auto fail = [&path] { throw Error(StrCat("cannot read ", path.string(), ": ", std::strerror(errno))); };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen(path.c_str(), "rb"), [](std::FILE* f) { return f == nullptr ? 0 : std::fclose(f); });
  if (!file) fail();
  std::string text;
  std::vector<char> block(size_t{1} << 16);
  while (const size_t got = std::fread(block.data(), 1, block.size(), file.get())) text.append(block.data(), got);
  if (std::ferror(file.get()) != 0) fail();
  return text;
}

}  // namespace w8a16
