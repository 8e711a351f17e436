"""The shape of a plot; the plots themselves are in the plots_*.py files beside this one."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plot:
    """One kind of story. `bundles` are groups of slots that belong together (a thing, where it hid, who had it):
    one of each list is drawn for a story, so that later sentences agree with earlier ones. `phases` are told in
    order, one template drawn from each."""

    name: str
    weathers: tuple
    phases: tuple
    times: tuple = ("morning", "afternoon")
    traits: str = "curious|quiet|cheerful|clever"
    intros: tuple = ("",)
    bundles: tuple = field(default=())
    own_opening: tuple = ()  # templates that replace the usual openings (stories about animals)
