#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "checkpoint/json.h"

namespace w8a16 {

/// Writes one JSON document and a newline to standard output. Numbers read back equal; those that are not finite become
/// null, bytes that are not UTF-8 become U+FFFD.
void PrintJson(const Json& document);

/// {"logits": [[...], ...]}: rows of `columns` float32 numbers, each in the fewest digits that read back as the same
/// float32.
std::string LogitsJson(std::span<const float> logits, int64_t columns);

/// Writes text to standard output. Throws Error where that fails (a full disk).
void PrintText(const std::string& text);

/// Pushes out what is buffered for standard output. Throws Error where that fails.
void FlushOutput();

}  // namespace w8a16
