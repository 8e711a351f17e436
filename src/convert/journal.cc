#include "convert/journal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/strings.h"
#include "checkpoint/atomic_file.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

Json LayerJson(const ConvertedLayer& layer) {
  return {{"name", layer.name},
          {"out_features", layer.out_features},
          {"in_features", layer.in_features},
          {"sqnr_db", layer.sqnr_db},  // null where it is infinite
          {"max_error", layer.max_error},
          {"outlier_ratio", layer.outlier_ratio},
          {"outlier_row", layer.outlier_row},
          {"zero_rows", layer.zero_rows},
          {"scales", {layer.scales.min, layer.scales.median, layer.scales.max}},
          {"first_bin", layer.scales.first_bin},
          {"counts", layer.scales.counts},
          {"bytes_before", layer.bytes_before},
          {"bytes_after", layer.bytes_after}};
}

ConvertedLayer ReadLayer(const Json& json) {
  ConvertedLayer layer;
  json.at("name").get_to(layer.name);
  json.at("out_features").get_to(layer.out_features);
  json.at("in_features").get_to(layer.in_features);
  const Json& sqnr = json.at("sqnr_db");
  layer.sqnr_db = sqnr.is_null() ? std::numeric_limits<double>::infinity() : sqnr.get<double>();
  json.at("max_error").get_to(layer.max_error);
  json.at("outlier_ratio").get_to(layer.outlier_ratio);
  json.at("outlier_row").get_to(layer.outlier_row);
  json.at("zero_rows").get_to(layer.zero_rows);
  json.at("scales").at(0).get_to(layer.scales.min);
  json.at("scales").at(1).get_to(layer.scales.median);
  json.at("scales").at(2).get_to(layer.scales.max);
  json.at("first_bin").get_to(layer.scales.first_bin);
  json.at("counts").get_to(layer.scales.counts);
  json.at("bytes_before").get_to(layer.bytes_before);
  json.at("bytes_after").get_to(layer.bytes_after);
  return layer;
}

Json ShardJson(const FinishedShard& shard) {
  Json layers = Json::array();
  for (const ConvertedLayer& layer : shard.layers) layers.push_back(LayerJson(layer));
  return {{"file", shard.file}, {"bytes", shard.bytes}, {"xxh3", shard.checksum}, {"layers", layers}};
}

FinishedShard ReadShard(const Json& json) {
  FinishedShard shard;
  json.at("file").get_to(shard.file);
  json.at("bytes").get_to(shard.bytes);
  json.at("xxh3").get_to(shard.checksum);
  for (const Json& layer : json.at("layers")) shard.layers.push_back(ReadLayer(layer));
  return shard;
}

[[noreturn]] void FailDifferent(const std::filesystem::path& directory, const std::string& what) {
  throw Error(StrCat(directory.string(), " holds the work of another conversion: ", what,
                     "; repeat the command that began it, or remove the directory and start anew"));
}

void RequireSameFiles(const std::filesystem::path& directory, const Json& before, const Json& now) {
  for (const auto& [name, file] : now.items()) {
    const auto former = before.find(name);
    if (former == before.end()) FailDifferent(directory, StrCat("the source had no ", name));
    if (*former != file) FailDifferent(directory, StrCat(name, " of the source has changed since"));
  }
  for (const auto& [name, file] : before.items()) {
    if (!now.contains(name)) FailDifferent(directory, StrCat("the source has no ", name, " any more"));
  }
}

}  // namespace

Journal Journal::Create(const std::filesystem::path& directory, const Json& fingerprint) {
  Journal journal(directory);
  journal.fingerprint_ = fingerprint;
  const std::string line = fingerprint.dump() + "\n";
  WriteTextFile(journal.path_, line);
  journal.whole_ = line.size();
  return journal;
}

Journal Journal::Read(const std::filesystem::path& directory) {
  Journal journal(directory);
  const std::string text = ReadTextFile(journal.path_);
  size_t whole = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', whole)) {
    try {
      const Json line = ParseJson(text.substr(whole, end - whole), journal.path_.string());
      if (whole == 0) {
        journal.fingerprint_ = line;
      } else if (line.contains("publish")) {
        line.at("publish").get_to(journal.publication_);
      } else {
        journal.shards_.push_back(ReadShard(line));
      }
    } catch (const std::exception& error) {
      if (whole == 0) throw Error(StrCat(error.what(), "; remove ", directory.string(), " and start anew"));
      break;
    }
    whole = end + 1;
  }
  if (whole == 0) {
    throw Error(StrCat(journal.path_.string(), " is damaged; remove ", directory.string(), " and start anew"));
  }
  journal.whole_ = whole;
  return journal;
}

void Journal::RequireSame(const Json& fingerprint) const {
  if (fingerprint == fingerprint_) return;
  if (!fingerprint_.is_object() || !fingerprint_.contains("options") || !fingerprint_.contains("source")) {
    FailDifferent(directory_, "its journal is of another version of this program");
  }
  for (const auto& [key, value] : fingerprint["options"].items()) {
    const Json& before = fingerprint_["options"];
    if (!before.contains(key) || before[key] != value) {
      FailDifferent(directory_, StrCat("the option ", key, " was ", before.value(key, Json(nullptr)).dump(),
                                       ", now it is ", value.dump()));
    }
  }
  RequireSameFiles(directory_, fingerprint_["source"], fingerprint["source"]);
  FailDifferent(directory_, "it was begun by another version of this program");
}

void Journal::Add(const FinishedShard& shard) {
  Append(ShardJson(shard));
  shards_.push_back(shard);
}

void Journal::AddPublication(const std::vector<std::string>& files) {
  Append({{"publish", files}});
  publication_ = files;
}

void Journal::Append(const Json& line) {
  const auto fail = [this] { throw Error(StrCat("cannot write ", path_.string(), ": ", std::strerror(errno))); };
  const int fd = open(path_.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) fail();
  const std::string text = line.dump() + "\n";
  // Half a line of an earlier run goes first.
  const bool cut = ftruncate(fd, static_cast<off_t>(whole_)) == 0;
  const ssize_t wrote = cut ? pwrite(fd, text.data(), text.size(), static_cast<off_t>(whole_)) : -1;
  if (wrote >= 0 && static_cast<size_t>(wrote) < text.size()) errno = ENOSPC;
  const int cause = errno;
  close(fd);
  errno = cause;
  if (wrote < 0 || static_cast<size_t>(wrote) < text.size()) fail();
  whole_ += text.size();
}

Json Fingerprint(const Checkpoint& checkpoint, const Json& options, const std::vector<std::string>& shards) {
  Json files = Json::object();
  files["config.json"] = checkpoint.config_text();
  for (const std::string& name : checkpoint.files()) {
    const std::filesystem::path path = checkpoint.directory() / name;
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      throw Error(StrCat("cannot read ", path.string(), ": ", std::strerror(errno)));
    }
    files[name] = {{"bytes", status.st_size},
                   {"modified", {int64_t{status.st_mtim.tv_sec}, int64_t{status.st_mtim.tv_nsec}}}};
  }
  return {{"journal", 1}, {"options", options}, {"source", files}, {"shards", shards}};
}

}  // namespace w8a16
