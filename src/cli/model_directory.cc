#include "cli/model_directory.h"

#include <optional>

#include "cli/interrupt.h"
#include "cli/progress.h"
#include "hub/resolve.h"

namespace w8a16 {

std::string ModelDirectory(const std::string& model) {
  std::optional<InterruptGuard> guard;
  std::optional<ProgressBar> bar;
  return ResolveModel(model, [&](uint64_t done, uint64_t total) {
    if (!guard) guard.emplace();
    if (!bar) bar.emplace("downloading", ProgressBar::Unit::kBytes);
    ThrowIfInterrupted();
    bar->Update(done, total);
  });
}

}  // namespace w8a16
