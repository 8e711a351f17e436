#pragma once

#include <cstdint>

namespace w8a16 {

/// The most memory this process ever had resident, pages of mapped files included.
uint64_t PeakResidentBytes();

}  // namespace w8a16
