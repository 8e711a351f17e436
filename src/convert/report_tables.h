#pragma once

#include "convert/convert.h"
#include "convert/layer_map.h"
#include "convert/report_html.h"

namespace w8a16 {

/// Bytes before and after, as bars and as a table: quantized layers and everything else.
Html SizesPart(const ConvertReport& report);

/// Number, sizes and SQNR of each kind of layer.
Html KindsTable(const LayerMap& map);

/// The ten layers with the lowest SQNR, with the reasons. Layers without any error are never among them; empty where no
/// others are.
Html WorstTable(const std::vector<ConvertedLayer>& layers);

/// Linear modules that stayed float, by reason. Empty where there are none.
Html IgnoredList(const std::vector<IgnoredModule>& ignored);

/// Everything known of each layer, folded up; of very many, those with the lowest SQNR.
Html AllLayersTable(const std::vector<ConvertedLayer>& layers);

}  // namespace w8a16
