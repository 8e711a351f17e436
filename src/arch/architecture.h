#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "arch/description.h"
#include "arch/modules.h"
#include "w8a16/checkpoint.h"

namespace w8a16 {

/// Reads config.json's text. `source` names it in messages. Throws Error naming the key for a value that is missing,
/// out of range or not supported, and listing the known ones for an unknown model_type.
Architecture DescribeArchitecture(std::string_view config_text, std::string_view source);

/// As above, for config.json of `checkpoint`, with module names as its tensors have them: with or without the prefix of
/// the published models, or nested in a larger model.
Architecture DescribeArchitecture(const Checkpoint& checkpoint);

/// The known model_type values.
std::vector<std::string> KnownModelTypes();

}  // namespace w8a16
