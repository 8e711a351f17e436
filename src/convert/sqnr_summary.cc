#include "convert/sqnr_summary.h"

#include <algorithm>
#include <utility>

namespace w8a16 {

SqnrSummary SummarizeSqnr(const ConvertReport& report) {
  std::vector<const ConvertedLayer*> pointers;
  for (const ConvertedLayer& layer : report.layers) pointers.push_back(&layer);
  return SummarizeSqnr(std::move(pointers));
}

SqnrSummary SummarizeSqnr(std::vector<const ConvertedLayer*> layers) {
  if (layers.empty()) return {};
  std::stable_sort(layers.begin(), layers.end(),
                   [](const ConvertedLayer* a, const ConvertedLayer* b) { return a->sqnr_db < b->sqnr_db; });
  return {layers.front()->sqnr_db, layers[layers.size() / 2]->sqnr_db, layers.front()->name};
}

}  // namespace w8a16
