#include "convert/run.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/strings.h"
#include "convert/other_files.h"
#include "convert/row_reader.h"
#include "convert/shard_file.h"
#include "convert/transform.h"
#include "convert/work_directory.h"
#include "convert/work_queue.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

constexpr const char* kConfigFile = "config.json";
constexpr const char* kIndexFile = "model.safetensors.index.json";

// What is in memory at a time, a few times over: large enough for full speed of disk and threads, small beside any
// model.
constexpr int64_t kBlockBytes = int64_t{8} << 20;

class Run {
 public:
  Run(const Checkpoint& checkpoint, const ConvertPlan& plan, WorkDirectory& work, const ConvertProgress& progress)
      : checkpoint_(checkpoint), plan_(plan), work_(work), progress_(progress) {}

  // Makes all weight files that the journal does not have.
  std::vector<FinishedShard> MakeShards() {
    uint64_t dropped = 0;
    for (const ConvertStep& step : plan_.steps) dropped += step.made.empty() ? step.bytes_before : 0;
    Advance(dropped);
    KeepFinished();
    uint64_t missing = 0;
    for (const PlannedShard& shard : plan_.shards) missing += kept_.contains(shard.file) ? 0 : shard.bytes;
    work_.RequireSpace(missing);
    for (const PlannedShard& shard : plan_.shards) {
      if (!kept_.contains(shard.file)) MakeShard(shard);
    }
    queue_.Drain();
    return work_.journal()->shards();
  }

  const std::unordered_map<std::string, FinishedShard>& kept() const { return kept_; }

 private:
  void Advance(uint64_t bytes) {
    done_ += bytes;
    if (progress_) progress_(done_, plan_.bytes_before);
  }

  // The weight files of an earlier run that are as they were written.
  void KeepFinished() {
    for (const FinishedShard& shard : work_.journal()->shards()) {
      const auto planned = std::find_if(plan_.shards.begin(), plan_.shards.end(),
                                        [&](const PlannedShard& p) { return p.file == shard.file; });
      if (planned == plan_.shards.end() || !IsWhole(shard, *planned)) continue;
      if (!kept_.emplace(shard.file, shard).second) continue;
      for (const size_t step : planned->steps) Advance(plan_.steps[step].bytes_before);
    }
  }

  bool IsWhole(const FinishedShard& shard, const PlannedShard& planned) {
    const std::filesystem::path path = work_.path() / shard.file;
    std::error_code error;
    if (std::filesystem::file_size(path, error) != planned.bytes || error) return false;
    try {
      return ShardChecksum(path, [this] { Advance(0); }) == shard.checksum;
    } catch (const Error&) {
      return false;  // damaged so that it is no safetensors file: made again
    }
  }

  void MakeShard(const PlannedShard& shard) {
    auto file = std::make_shared<std::unique_ptr<ShardFile>>();
    queue_.Push(
        [file, path = work_.path() / shard.file, &shard] { *file = std::make_unique<ShardFile>(path, shard.tensors); });
    FinishedShard finished{shard.file, shard.bytes, 0, {}};
    for (size_t i = 0; i < shard.steps.size(); ++i) {
      const ConvertStep& step = plan_.steps[shard.steps[i]];
      std::optional<ConvertedLayer> layer = MakeStep(step, shard.at[i], file);
      if (layer) finished.layers.push_back(std::move(*layer));
    }
    queue_.Push([this, file, finished = std::move(finished)]() mutable {
      finished.checksum = (*file)->Finish();
      work_.journal()->Add(finished);
      work_.Keep();
    });
  }

  std::optional<ConvertedLayer> MakeStep(const ConvertStep& step, const std::vector<size_t>& at,
                                         const std::shared_ptr<std::unique_ptr<ShardFile>>& file) {
    const StepWork work = PrepareStep(checkpoint_, step);
    RowReader reader(checkpoint_, work.rows);
    const int64_t rows = work.rows.ReadRows();
    const int64_t row_bytes = std::max(work.rows.ReadRowBytes(), work.row_bytes_out);
    const int64_t rows_per_block = std::max<int64_t>(1, kBlockBytes / std::max<int64_t>(1, row_bytes));
    uint64_t counted = 0;
    for (int64_t row = 0; row < rows; row += rows_per_block) {
      const int64_t count = std::min(rows_per_block, rows - row);
      const auto bytes = static_cast<size_t>(count * work.row_bytes_out);
      std::byte* out = NextBlock(bytes);
      work.transform->Rows(reader.Read(row, count), row, count, out);
      reader.Done(row, count);
      queue_.Push([file, out, bytes, tensor = at[0]] { (*file)->Append(tensor, out, bytes); });
      const double part = static_cast<double>(row + count) / static_cast<double>(rows);
      const auto share = static_cast<uint64_t>(static_cast<double>(step.bytes_before) * part);
      Advance(share - counted);
      counted = share;
    }
    const std::vector<std::vector<std::byte>> rest = work.transform->Rest();
    for (size_t i = 0; i < rest.size(); ++i) {
      queue_.Push([file, bytes = rest[i], tensor = at[i + 1]] { (*file)->Append(tensor, bytes.data(), bytes.size()); });
    }
    return work.transform->Layer();
  }

  // Memory that no unfinished piece of the queue uses: they are fewer than there are blocks.
  std::byte* NextBlock(size_t bytes) {
    std::vector<std::byte>& block = blocks_[next_block_++ % blocks_.size()];
    if (block.size() < bytes) block.resize(bytes);
    return block.data();
  }

  const Checkpoint& checkpoint_;
  const ConvertPlan& plan_;
  WorkDirectory& work_;
  const ConvertProgress& progress_;
  std::unordered_map<std::string, FinishedShard> kept_;
  uint64_t done_ = 0;
  std::array<std::vector<std::byte>, WorkQueue::kUnfinished + 1> blocks_;
  size_t next_block_ = 0;
  WorkQueue queue_;  // the last one: its thread ends before what it works with goes
};

// In the order in which they get their places.
std::vector<std::string> FileNames(const ConvertPlan& plan, const OtherFiles& others) {
  std::vector<std::string> files;
  for (const PlannedShard& shard : plan.shards) files.push_back(shard.file);
  if (plan.shards.size() > 1) files.emplace_back(kIndexFile);
  for (const std::filesystem::path& file : others.copied) files.push_back(file.filename().string());
  files.emplace_back(kConfigFile);
  return files;
}

// Everything beside the weight files.
void WriteOthers(const ConvertPlan& plan, const OtherFiles& others, const WorkDirectory& work) {
  if (plan.shards.size() > 1) work.WriteText(kIndexFile, IndexText(plan));
  for (const std::filesystem::path& file : others.copied) work.CopyFile(file);
  work.WriteText(kConfigFile, plan.config);
}

// In the model's order.
std::vector<ConvertedLayer> SortedLayers(const ConvertPlan& plan, const std::vector<FinishedShard>& shards) {
  std::unordered_map<std::string, const ConvertedLayer*> by_name;
  for (const FinishedShard& shard : shards) {
    for (const ConvertedLayer& layer : shard.layers) by_name.insert_or_assign(layer.name, &layer);
  }
  std::vector<ConvertedLayer> layers;
  for (const std::string& name : plan.layers) {
    if (const auto layer = by_name.find(name); layer != by_name.end()) layers.push_back(*layer->second);
  }
  return layers;
}

Json FingerprintOf(const Checkpoint& checkpoint, const ConvertPlan& plan) {
  std::vector<std::string> shards;
  for (const PlannedShard& shard : plan.shards) shards.push_back(StrCat(shard.file, " ", shard.bytes));
  return Fingerprint(checkpoint, plan.options, shards);
}

}  // namespace

ConvertReport RunConversion(const Checkpoint& checkpoint, const ConvertPlan& plan,
                            const std::filesystem::path& destination, const OutputOptions& options,
                            const ConvertProgress& progress) {
  const auto start = std::chrono::steady_clock::now();
  const OtherFiles others = ListOtherFiles(checkpoint);
  const Json fingerprint = FingerprintOf(checkpoint, plan);
  WorkDirectory work(checkpoint.directory(), destination, options);
  if (work.journal()) {
    work.journal()->RequireSame(fingerprint);
  } else {
    work.journal() = Journal::Create(work.path(), fingerprint);
  }
  ConvertReport report;
  std::vector<FinishedShard> shards = work.journal()->shards();
  if (!work.journal()->publication().empty()) {
    work.Publish(work.journal()->publication());
    report.kept_shards = plan.shards.size();
  } else {
    try {
      const std::vector<std::string> files = FileNames(plan, others);
      work.RequireNames(files);
      Run run(checkpoint, plan, work, progress);
      shards = run.MakeShards();
      report.kept_shards = run.kept().size();
      WriteOthers(plan, others, work);
      work.Publish(files);
    } catch (const UnusableSource&) {
      work.Discard();
      throw;
    } catch (const Error& error) {
      if (!work.stays()) throw;
      throw Error(StrCat(error.what(), "; the weight files that are finished (", work.journal()->shards().size(),
                         " of ", plan.shards.size(), ") stay in ", work.path().string(), ": go on with --resume"));
    }
  }
  report.bytes_before = plan.bytes_before;
  report.bytes_after = plan.bytes_after;
  report.layers = SortedLayers(plan, shards);
  report.ignored = plan.ignored;
  report.unmatched = plan.unmatched;
  report.notes = plan.notes;
  report.skipped_files = others.skipped;
  report.shards = plan.shards.size();
  report.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return report;
}

}  // namespace w8a16
