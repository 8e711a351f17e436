#pragma once

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "text/json_node.h"

namespace w8a16 {

/// One kind of a stage of the pipeline: what `type` calls it, and what makes it.
template <class Stage>
struct ComponentType {
  const char* name;
  std::unique_ptr<Stage> (*make)(const JsonNode& node);
};

/// For components that are made from their JSON alone.
template <class Stage, class Component>
std::unique_ptr<Stage> Make(const JsonNode& node) {
  return std::make_unique<Component>(node);
}

/// For components without settings.
template <class Stage, class Component>
std::unique_ptr<Stage> MakePlain(const JsonNode&) {
  return std::make_unique<Component>();
}

/// Makes the component whose `type` is named in `node`. Throws Error listing all of `types` where it is none of them.
template <class Stage>
std::unique_ptr<Stage> MakeComponent(const JsonNode& node, std::span<const ComponentType<Stage>> types) {
  std::vector<std::string> names;
  for (const auto& type : types) names.emplace_back(type.name);
  return types[node.At("type").OneOf(names)].make(node);
}

}  // namespace w8a16
