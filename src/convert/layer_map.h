#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "convert/convert.h"

namespace w8a16 {

/// Layers that stand at one place of the plot: one, or the experts of a block.
struct MapPoint {
  size_t column = 0;
  std::vector<const ConvertedLayer*> layers;  ///< by SQNR, the lowest first
};

/// Layers of one kind, such as all q_proj.
struct LayerKind {
  std::string label;
  std::vector<const ConvertedLayer*> layers;
  std::vector<MapPoint> points;  ///< from left to right
};

/// Blocks that a name counts, such as model.layers.0 to model.layers.31; the last stack may be of layers whose names
/// have no number, each in a column of its own, with an empty name.
struct LayerStack {
  std::string name;
  size_t begin = 0;  ///< columns [begin, end)
  size_t end = 0;
};

/// Where quantized layers lie in their model: depth from left to right, by kind.
struct LayerMap {
  /// More kinds than this and the smaller ones are taken together as the last one.
  static constexpr size_t kMaxKinds = 12;
  /// More places than this and neighbours share a column.
  static constexpr size_t kMaxColumns = 320;

  std::vector<LayerKind> kinds;      ///< in the model's order
  std::vector<std::string> columns;  ///< the number of the block, or the last part of the name, for each
  std::vector<LayerStack> stacks;
};

/// The result points into `layers`.
LayerMap MapLayers(const std::vector<ConvertedLayer>& layers);

}  // namespace w8a16
