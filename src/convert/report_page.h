#pragma once

#include <string>

#include "convert/convert.h"

namespace w8a16 {

/// What the page says about the run beside its report.
struct ReportFacts {
  std::string source;
  std::string destination;
  std::string format;   ///< "pack-quantized"
  std::string version;  ///< of this program
  std::string date;     ///< as people write it
};

/// One self-contained page about a quantization: sizes, SQNR by depth, scales, the worst layers with reasons, what
/// stayed float and why. HTML that is well-formed XML, UTF-8, with no script and nothing from a network.
std::string RenderReportPage(const ConvertReport& report, const ReportFacts& facts);

}  // namespace w8a16
