#pragma once

#include "convert/convert.h"
#include "convert/layer_map.h"
#include "convert/report_html.h"

namespace w8a16 {

/// Plots as SVG that is as wide as the page lets it be: places along x are percentages, so text keeps its size on a
/// phone. Empty where there is nothing to plot.

/// SQNR by depth, one series for each kind of layer, with a legend that shows and hides them.
Html SqnrPlot(const LayerMap& map);

/// All scales of all layers in logarithmic bins.
Html ScalesPlot(const std::vector<ConvertedLayer>& layers);

}  // namespace w8a16
