"""The sections a postmortem starts with, and what each asks its writer."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SectionTemplate:
    key: str
    title: str
    asks: str
    """Shown while the section is empty."""
    is_needed: bool = True
    """A postmortem without it is listed as unfinished."""


DEFAULT_SECTIONS = (
    SectionTemplate("summary", "Summary", "What happened, in two sentences that a stranger understands."),
    SectionTemplate("impact", "Impact", "Who was hit, how, from when to when, and how many."),
    SectionTemplate("background", "Background", "What one must know about the systems to follow the rest.", False),
    SectionTemplate("timeline", "Timeline", "Words around the recorded timeline, which is printed below them.", False),
    SectionTemplate("detection", "Detection", "Who or what noticed, and what could have been seen earlier."),
    SectionTemplate(
        "contributing_factors",
        "Contributing factors",
        "Words around the recorded factors: all the things that had to hold.",
        False,
    ),
    SectionTemplate("went_well", "What went well", "What limited the damage and should be kept."),
    SectionTemplate("went_wrong", "What went wrong", "What made it worse or longer, without looking for somebody."),
    SectionTemplate("got_lucky", "Where we got lucky", "What would have made it worse and by chance did not happen."),
    SectionTemplate(
        "action_items", "Action items", "Words around the recorded actions, which are printed below.", False
    ),
    SectionTemplate("lessons", "Lessons", "What others, in other teams, should take from this."),
    SectionTemplate("supporting", "Supporting information", "Links, figures, log excerpts, source texts.", False),
)
BY_KEY = {section.key: section for section in DEFAULT_SECTIONS}
