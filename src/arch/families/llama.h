#pragma once

#include "arch/families/common.h"

namespace w8a16 {

/// What the relatives of Llama differ in where keys are missing.
struct LlamaDefaults {
  SizeDefaults sizes = {};
  double rms_norm_eps = 1e-6;
  double rope_theta = 10000;
  bool tied_head = false;
};

/// Pre-norm blocks of rotary grouped-query attention and a gated MLP, RMSNorm throughout.
Architecture DescribeLlamaLike(const ConfigReader& config, const LlamaDefaults& defaults = {});

}  // namespace w8a16
