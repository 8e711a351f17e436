#pragma once

#include <string>

namespace w8a16 {

/// The style sheet of the report: colours as variables, for light and dark.
std::string ReportStyle();

}  // namespace w8a16
