#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "convert/convert.h"
#include "convert/report_page.h"

namespace w8a16::testing {

/// A layer of ordinary weights, with these numbers.
inline ConvertedLayer MakeLayer(const std::string& name, double sqnr_db = 42) {
  ConvertedLayer layer;
  layer.name = name;
  layer.out_features = 64;
  layer.in_features = 1024;
  layer.sqnr_db = sqnr_db;
  layer.max_error = 0.00025;
  layer.outlier_ratio = 4.5;
  layer.outlier_row = 7;
  layer.scales = {.min = 0.0005F, .median = 0.0006F, .max = 0.0008F, .first_bin = -44, .counts = {20, 41, 3}};
  layer.bytes_before = 131'072;
  layer.bytes_after = 65'696;
  return layer;
}

/// A report of these layers, with 100,000 bytes beside them.
inline ConvertReport MakeReport(const std::vector<ConvertedLayer>& layers) {
  ConvertReport report;
  report.bytes_before = report.bytes_after = 100'000;
  for (const ConvertedLayer& layer : layers) {
    report.bytes_before += layer.bytes_before;
    report.bytes_after += layer.bytes_after;
  }
  report.seconds = 3.5;
  report.layers = layers;
  report.ignored = {{"lm_head", "output head (--no-default-ignore quantizes it)"}};
  report.shards = 1;
  return report;
}

/// `blocks` blocks of seven layers, as a Llama has them.
inline ConvertReport LlamaReport(int blocks) {
  std::vector<ConvertedLayer> layers;
  for (int block = 0; block < blocks; ++block) {
    for (const char* kind : {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                             "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
      const double sqnr_db = 38 + 5 * std::fabs(std::sin(static_cast<double>(layers.size())));
      layers.push_back(MakeLayer("model.layers." + std::to_string(block) + "." + kind, sqnr_db));
    }
  }
  return MakeReport(layers);
}

inline std::string Render(const ConvertReport& report) {
  return RenderReportPage(report, {.source = "models/Example-1B/",
                                   .destination = "out",
                                   .format = "pack-quantized",
                                   .version = "1.2.3",
                                   .date = "2031-02-03 04:05 UTC"});
}

}  // namespace w8a16::testing
