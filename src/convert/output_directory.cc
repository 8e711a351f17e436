#include "convert/output_directory.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "base/strings.h"
#include "checkpoint/mapped_file.h"
#include "w8a16/error.h"

namespace w8a16 {
namespace {

namespace fs = std::filesystem;

bool IsWeightFile(const std::string& name) {
  return name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json");
}

// What a run that was killed left.
bool IsPartialWeightFile(const std::string& name) {
  return name.ends_with(kPartialSuffix) && IsWeightFile(name.substr(0, name.size() - kPartialSuffix.size()));
}

void RemoveFiles(const fs::path& directory, bool (*chosen)(const std::string& name)) {
  std::vector<fs::path> removed;
  for (const auto& entry : fs::directory_iterator(directory)) {
    if (!entry.is_directory() && chosen(entry.path().filename().string())) removed.push_back(entry.path());
  }
  for (const fs::path& path : removed) fs::remove(path);
}

void RefuseSource(const fs::path& source, const fs::path& destination) {
  if (fs::equivalent(source, destination)) {
    throw Error(StrCat("the output ", destination.string(), " is the input itself; name another directory"));
  }
  for (const auto& entry : fs::directory_iterator(source)) {
    // The weights of a hub cache are links to files elsewhere.
    if (!entry.is_regular_file() || !entry.is_symlink()) continue;
    const fs::path file = fs::canonical(entry.path());
    if (fs::equivalent(file.parent_path(), destination)) {
      throw Error(StrCat(entry.path().string(), " is a link to ", file.string(),
                         ", which lies in the output directory ", destination.string(), "; name another directory"));
    }
  }
}

}  // namespace

OutputDirectory::OutputDirectory(const fs::path& source, const fs::path& destination, bool force) : path_(destination) {
  if (fs::exists(path_)) {
    if (!fs::is_directory(path_)) throw Error(StrCat(path_.string(), " is not a directory; name another output"));
    RefuseSource(source, path_);
    if (!force && !fs::is_empty(path_)) {
      throw Error(StrCat("the output directory ", path_.string(),
                         " is not empty; name another one, or replace the weight files in it with --force"));
    }
    RemoveFiles(path_, IsPartialWeightFile);
    return;
  }
  std::vector<fs::path> missing;
  for (fs::path at = fs::absolute(path_).lexically_normal(); !fs::exists(at); at = at.parent_path()) {
    if (at.has_filename()) missing.push_back(at);
  }
  std::reverse(missing.begin(), missing.end());
  for (const fs::path& directory : missing) {
    std::error_code error;
    fs::create_directory(directory, error);
    if (error) {
      for (auto made = created_.rbegin(); made != created_.rend(); ++made) fs::remove(*made);
      throw Error(StrCat("cannot make the directory ", directory.string(), ": ", error.message()));
    }
    created_.push_back(directory);
  }
}

OutputDirectory::~OutputDirectory() {
  weights_.clear();
  files_.clear();
  std::error_code ignored;  // nothing more can be done about it here
  for (const fs::path& file : committed_) fs::remove(file, ignored);
  for (auto directory = created_.rbegin(); directory != created_.rend(); ++directory) fs::remove(*directory, ignored);
}

AtomicFile& OutputDirectory::AddFile(const std::string& name) {
  return *files_.emplace_back(std::make_unique<AtomicFile>(path_ / name));
}

SafetensorsWriter& OutputDirectory::AddWeights(const std::string& name,
                                               const std::vector<SafetensorsWriter::Declaration>& tensors) {
  return *weights_.emplace_back(std::make_unique<SafetensorsWriter>(path_ / name, tensors));
}

void OutputDirectory::AddText(const std::string& name, std::string_view text) {
  AtomicFile& file = AddFile(name);
  file.WriteAt(0, text.data(), text.size());
  file.Sync();
}

void OutputDirectory::AddCopy(const fs::path& from) {
  const auto source = MappedFile::Open(from);
  AtomicFile& file = AddFile(from.filename().string());
  file.WriteAt(0, source->bytes().data(), source->bytes().size());
  file.Sync();
}

void OutputDirectory::Commit() {
  for (const auto& weights : weights_) weights->Sync();
  RemoveFiles(path_, IsWeightFile);
  for (const auto& weights : weights_) {
    weights->Finish();
    committed_.push_back(weights->path());
  }
  for (const auto& file : files_) {
    file->Commit();
    committed_.push_back(file->path());
  }
  committed_.clear();
  created_.clear();
}

}  // namespace w8a16
