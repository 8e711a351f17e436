#include "cli/memory.h"

#include <sys/resource.h>

#include <fstream>
#include <string>

namespace w8a16 {

uint64_t PeakResidentBytes() {
  // getrusage would also count what the process that started this one had resident, so the kernel's own line comes
  // first.
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoull(line.substr(6)) * 1024;
  }
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<uint64_t>(usage.ru_maxrss) * 1024;
}

}  // namespace w8a16
