//! What of markup is kept, and what becomes of the rest.

use super::{Mutant, mutant, unit};

pub(super) const MUTANTS: &[Mutant] = &[
    mutant("markup-any-scheme", "a link carries a script", unit("chat", "markup::")),
    mutant(
        "markup-link-to-the-readers-site",
        "a link without slashes leads to somewhere on the reader's own site",
        unit("chat", "writer::"),
    ),
    mutant(
        "markup-quote-begins-an-attribute",
        "a quotation mark in an address begins an attribute, as onerror",
        unit("chat", "markup::tests::"),
    ),
    mutant("markup-text-is-a-tag", "what is text is a tag to a browser", unit("chat", "markup::tests::")),
    mutant("markup-link-without-rel", "a page that a link opens gets hold of ours", unit("chat", "markup::")),
    mutant(
        "markup-unclosed-at-the-end",
        "what is bold in a message is bold behind it, too",
        unit("chat", "markup::tests::"),
    ),
    mutant("markup-any-depth", "elements stand in one another without end", unit("chat", "elements_that_are_too_deep")),
    mutant(
        "markup-costs-any-number-of-bytes",
        "a message of a few letters takes any number of bytes",
        unit("chat", "what_is_stored_has_a_bound"),
    ),
    mutant("markup-handlers-make-it-text", "a tag with onerror stays, as text", unit("chat", "markup::")),
    mutant("markup-invisible-shows", "a message that shows nothing is posted", unit("chat", "what_shows_nothing")),
    mutant(
        "markup-counts-bytes",
        "a message in another script is too long at a third of its length",
        unit("chat", "the_bound_is_on"),
    ),
    mutant("markup-script-is-text", "what a script says is shown as text", unit("chat", "markup::tests::")),
    mutant(
        "markup-references-not-read",
        "a scheme that is written with references is not seen for what it is",
        unit("chat", "markup::"),
    ),
];
