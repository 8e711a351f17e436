#pragma once

#include <string>
#include <vector>

#include "convert/convert.h"

namespace w8a16 {

/// How well layers kept their weights: signal-to-quantization-noise ratios in dB. All zero and empty where there are no
/// layers.
struct SqnrSummary {
  double worst_db = 0;
  double median_db = 0;
  std::string worst_layer;
};
SqnrSummary SummarizeSqnr(const ConvertReport& report);
SqnrSummary SummarizeSqnr(std::vector<const ConvertedLayer*> layers);

}  // namespace w8a16
