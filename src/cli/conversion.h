#pragma once

#include "cli/table.h"
#include "convert/convert.h"

namespace w8a16 {

/// How well the layers of a conversion kept their weights: signal-to-quantization-noise ratios in dB.
struct SqnrSummary {
  double worst_db = 0;
  double median_db = 0;
  std::string worst_layer;
};
/// All zero and empty where no layer was quantized.
SqnrSummary SummarizeSqnr(const ConvertReport& report);

/// Two columns: layers, bytes before and after, ratio, worst and median SQNR.
Table ConversionTable(const ConvertReport& report);

}  // namespace w8a16
