#include "convert/convert.h"

#include "convert/plan.h"
#include "convert/run.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

template <class Plan>
ConvertReport Convert(const std::filesystem::path& source, const std::filesystem::path& destination,
                      const OutputOptions& options, const ConvertProgress& progress, const Plan& plan) {
  try {
    const Checkpoint checkpoint = Checkpoint::Open(source);
    return RunConversion(checkpoint, plan(checkpoint), destination, options, progress);
  } catch (const std::filesystem::filesystem_error& error) {
    throw Error(error.what());
  }
}

}  // namespace

ConvertReport QuantizeCheckpoint(const std::filesystem::path& source, const std::filesystem::path& destination,
                                 const ConvertOptions& options, const ConvertProgress& progress) {
  return Convert(source, destination, options, progress,
                 [&](const Checkpoint& checkpoint) { return PlanQuantization(checkpoint, options); });
}

ConvertReport DequantizeCheckpoint(const std::filesystem::path& source, const std::filesystem::path& destination,
                                   const DequantizeOptions& options, const ConvertProgress& progress) {
  return Convert(source, destination, options, progress,
                 [&](const Checkpoint& checkpoint) { return PlanDequantization(checkpoint, options); });
}

}  // namespace w8a16
