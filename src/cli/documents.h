#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace w8a16 {

/// The documents of a file: the strings of a JSON list, or a text file as one document. Throws Error naming the file
/// where a .json file holds anything else, and where there is no document.
std::vector<std::string> ReadDocuments(const std::filesystem::path& path);

/// The prompts of a file: the strings of a JSON list, or the lines of a text file that are not empty. Throws Error as
/// ReadDocuments does.
std::vector<std::string> ReadPrompts(const std::filesystem::path& path);

/// The token ids of documents, each beginning with `bos_id` where that is not -1.
std::vector<std::vector<int32_t>> EncodeDocuments(const Tokenizer& tokenizer, std::span<const std::string> documents,
                                                  int32_t bos_id);

}  // namespace w8a16
