//! What HTML has: its elements, and which attributes each of them has.

use std::cmp::Ordering;

use sinaesta_mutants::mutant;

/// Every element of the HTML standard, those that it calls obsolete included, and the roots of SVG and MathML; each with
/// the attributes that it has besides the global ones. By name, and each list in order: both are searched by halving.
#[rustfmt::skip]
const ELEMENTS: &[(&str, &[&str])] = &[
    ("a", &[
        "charset", "coords", "datafld", "datasrc", "download", "href", "hreflang", "methods", "name", "ping",
        "referrerpolicy", "rel", "rev", "shape", "target", "type", "urn",
    ]),
    ("abbr", &[]),
    ("acronym", &[]),
    ("address", &[]),
    ("applet", &[
        "align", "alt", "archive", "code", "codebase", "height", "hspace", "mayscript", "name", "object", "vspace",
        "width",
    ]),
    ("area", &[
        "alt", "coords", "download", "href", "hreflang", "nohref", "ping", "referrerpolicy", "rel", "shape", "target",
        "type",
    ]),
    ("article", &[]),
    ("aside", &[]),
    ("audio", &["autoplay", "controls", "controlslist", "crossorigin", "loading", "loop", "muted", "preload", "src"]),
    ("b", &[]),
    ("base", &["href", "target"]),
    ("basefont", &["color", "face", "size"]),
    ("bdi", &[]),
    ("bdo", &[]),
    ("bgsound", &["balance", "loop", "src", "volume"]),
    ("big", &[]),
    ("blink", &[]),
    ("blockquote", &["cite"]),
    ("body", &[
        "alink", "background", "bgcolor", "bgproperties", "bottommargin", "leftmargin", "link", "marginheight",
        "marginwidth", "rightmargin", "text", "topmargin", "vlink",
    ]),
    ("br", &["clear"]),
    ("button", &[
        "command", "commandfor", "datafld", "dataformatas", "datasrc", "disabled", "form", "formaction", "formenctype",
        "formmethod", "formnovalidate", "formtarget", "name", "popovertarget", "popovertargetaction", "type", "value",
    ]),
    ("canvas", &["height", "width"]),
    ("caption", &["align", "valign"]),
    ("center", &[]),
    ("cite", &[]),
    ("code", &[]),
    ("col", &["align", "char", "charoff", "span", "valign", "width"]),
    ("colgroup", &["align", "char", "charoff", "span", "valign", "width"]),
    ("data", &["value"]),
    ("datalist", &[]),
    ("dd", &[]),
    ("del", &["cite", "datetime"]),
    ("details", &["name", "open"]),
    ("dfn", &[]),
    ("dialog", &["closedby", "open"]),
    ("dir", &["compact"]),
    ("div", &["align", "datafld", "dataformatas", "datasrc"]),
    ("dl", &["compact"]),
    ("dt", &[]),
    ("em", &[]),
    ("embed", &[
        "align", "allowfullscreen", "allowscriptaccess", "height", "hspace", "name", "src", "type", "vspace", "width",
    ]),
    ("fieldset", &["datafld", "disabled", "form", "name"]),
    ("figcaption", &[]),
    ("figure", &[]),
    ("font", &["color", "face", "size"]),
    ("footer", &[]),
    ("form", &[
        "accept", "accept-charset", "action", "autocomplete", "enctype", "method", "name", "novalidate", "rel",
        "target",
    ]),
    ("frame", &[
        "bordercolor", "datafld", "datasrc", "frameborder", "longdesc", "marginheight", "marginwidth", "name",
        "noresize", "scrolling", "src",
    ]),
    ("frameset", &["border", "bordercolor", "cols", "frameborder", "framespacing", "rows"]),
    ("h1", &["align"]),
    ("h2", &["align"]),
    ("h3", &["align"]),
    ("h4", &["align"]),
    ("h5", &["align"]),
    ("h6", &["align"]),
    ("head", &["profile"]),
    ("header", &[]),
    ("hgroup", &[]),
    ("hr", &["align", "color", "noshade", "size", "width"]),
    ("html", &["manifest", "version"]),
    ("i", &[]),
    ("iframe", &[
        "align", "allow", "allowfullscreen", "allowpaymentrequest", "allowtransparency", "allowusermedia",
        "credentialless", "csp", "datafld", "datasrc", "frameborder", "framespacing", "height", "hspace", "loading",
        "longdesc", "marginheight", "marginwidth", "name", "referrerpolicy", "sandbox", "scrolling", "src", "srcdoc",
        "vspace", "width",
    ]),
    ("img", &[
        "align", "alt", "border", "crossorigin", "datafld", "datasrc", "decoding", "dynsrc", "fetchpriority", "height",
        "hspace", "ismap", "loading", "longdesc", "lowsrc", "name", "referrerpolicy", "sizes", "src", "srcset",
        "usemap", "vspace", "width",
    ]),
    ("input", &[
        "accept", "align", "alpha", "alt", "autocomplete", "border", "capture", "checked", "colorspace", "datafld",
        "dataformatas", "datasrc", "dirname", "disabled", "form", "formaction", "formenctype", "formmethod",
        "formnovalidate", "formtarget", "height", "hspace", "incremental", "ismap", "list", "max", "maxlength", "min",
        "minlength", "multiple", "name", "pattern", "placeholder", "popovertarget", "popovertargetaction", "readonly",
        "required", "size", "src", "step", "switch", "type", "usemap", "value", "vspace", "webkitdirectory", "width",
    ]),
    ("ins", &["cite", "datetime"]),
    ("isindex", &["action", "name", "prompt"]),
    ("kbd", &[]),
    ("keygen", &["challenge", "disabled", "form", "keytype", "name"]),
    ("label", &["datafld", "dataformatas", "datasrc", "for", "form"]),
    ("legend", &["align", "datafld", "dataformatas", "datasrc"]),
    ("li", &["type", "value"]),
    ("link", &[
        "as", "blocking", "charset", "color", "crossorigin", "disabled", "fetchpriority", "href", "hreflang",
        "imagesizes", "imagesrcset", "integrity", "media", "methods", "referrerpolicy", "rel", "rev", "sizes", "target",
        "type", "urn",
    ]),
    ("listing", &["width"]),
    ("main", &[]),
    ("map", &["name"]),
    ("mark", &[]),
    ("marquee", &[
        "behavior", "bgcolor", "datafld", "dataformatas", "datasrc", "direction", "height", "hspace", "loop",
        "scrollamount", "scrolldelay", "truespeed", "vspace", "width",
    ]),
    ("math", &[
        "alttext", "display", "displaystyle", "href", "mathbackground", "mathcolor", "mathsize", "mathvariant",
        "overflow", "scriptlevel",
    ]),
    ("menu", &["compact", "label", "type"]),
    ("menuitem", &["checked", "default", "disabled", "icon", "label", "radiogroup", "type"]),
    ("meta", &["charset", "content", "http-equiv", "media", "name", "property", "scheme"]),
    ("meter", &["form", "high", "low", "max", "min", "optimum", "value"]),
    ("multicol", &["cols", "gutter", "width"]),
    ("nav", &[]),
    ("nextid", &["n"]),
    ("nobr", &[]),
    ("noembed", &[]),
    ("noframes", &[]),
    ("noscript", &[]),
    ("object", &[
        "align", "archive", "border", "classid", "code", "codebase", "codetype", "data", "datafld", "dataformatas",
        "datasrc", "declare", "form", "height", "hspace", "name", "standby", "type", "typemustmatch", "usemap",
        "vspace", "width",
    ]),
    ("ol", &["compact", "reversed", "start", "type"]),
    ("optgroup", &["disabled", "label"]),
    ("option", &["dataformatas", "datasrc", "disabled", "label", "name", "selected", "value"]),
    ("output", &["for", "form", "name"]),
    ("p", &["align"]),
    ("param", &["datafld", "name", "type", "value", "valuetype"]),
    ("picture", &[]),
    ("plaintext", &[]),
    ("pre", &["cols", "width", "wrap"]),
    ("progress", &["form", "max", "value"]),
    ("q", &["cite"]),
    ("rb", &[]),
    ("rbc", &[]),
    ("rp", &[]),
    ("rt", &[]),
    ("rtc", &[]),
    ("ruby", &[]),
    ("s", &[]),
    ("samp", &[]),
    ("script", &[
        "async", "attributionsrc", "blocking", "charset", "crossorigin", "defer", "event", "fetchpriority", "for",
        "integrity", "language", "nomodule", "referrerpolicy", "src", "type",
    ]),
    ("search", &[]),
    ("section", &[]),
    ("select", &[
        "autocomplete", "datafld", "dataformatas", "datasrc", "disabled", "form", "multiple", "name", "required",
        "size",
    ]),
    ("selectedcontent", &[]),
    ("slot", &["name"]),
    ("small", &[]),
    ("source", &["height", "media", "sizes", "src", "srcset", "type", "width"]),
    ("spacer", &["align", "height", "size", "type", "width"]),
    ("span", &["datafld", "dataformatas", "datasrc"]),
    ("strike", &[]),
    ("strong", &[]),
    ("style", &["blocking", "media", "type"]),
    ("sub", &[]),
    ("summary", &[]),
    ("sup", &[]),
    ("svg", &[
        "baseprofile", "contentscripttype", "contentstyletype", "fill", "fill-opacity", "fill-rule", "focusable",
        "height", "preserveaspectratio", "stroke", "stroke-linecap", "stroke-linejoin", "stroke-width", "version",
        "viewbox", "width", "x", "y", "zoomandpan",
    ]),
    ("table", &[
        "align", "background", "bgcolor", "border", "bordercolor", "cellpadding", "cellspacing", "dataformatas",
        "datapagesize", "datasrc", "frame", "height", "hspace", "rules", "summary", "vspace", "width",
    ]),
    ("tbody", &["align", "background", "bgcolor", "char", "charoff", "valign"]),
    ("td", &[
        "abbr", "align", "axis", "background", "bgcolor", "bordercolor", "char", "charoff", "colspan", "headers",
        "height", "nowrap", "rowspan", "scope", "valign", "width",
    ]),
    ("template", &[
        "shadowrootclonable", "shadowrootcustomelementregistry", "shadowrootdelegatesfocus", "shadowrootmode",
        "shadowrootserializable",
    ]),
    ("textarea", &[
        "autocomplete", "cols", "datafld", "datasrc", "dirname", "disabled", "form", "maxlength", "minlength", "name",
        "placeholder", "readonly", "required", "rows", "wrap",
    ]),
    ("tfoot", &["align", "background", "bgcolor", "char", "charoff", "valign"]),
    ("th", &[
        "abbr", "align", "axis", "background", "bgcolor", "bordercolor", "char", "charoff", "colspan", "headers",
        "height", "nowrap", "rowspan", "scope", "valign", "width",
    ]),
    ("thead", &["align", "background", "bgcolor", "char", "charoff", "valign"]),
    ("time", &["datetime"]),
    ("title", &[]),
    ("tr", &["align", "background", "bgcolor", "bordercolor", "char", "charoff", "height", "valign"]),
    ("track", &["default", "kind", "label", "src", "srclang"]),
    ("tt", &[]),
    ("u", &[]),
    ("ul", &["compact", "type"]),
    ("var", &[]),
    ("video", &[
        "autoplay", "controls", "controlslist", "crossorigin", "disablepictureinpicture", "disableremoteplayback",
        "height", "loading", "loop", "muted", "playsinline", "poster", "preload", "src", "width",
    ]),
    ("wbr", &[]),
    ("xmp", &["width"]),
];

/// The attributes that every element may have.
#[rustfmt::skip]
const GLOBAL: &[&str] = &[
    "accesskey", "autocapitalize", "autocorrect", "autofocus", "class", "contenteditable", "contextmenu", "dir",
    "draggable", "dropzone", "enterkeyhint", "exportparts", "headingoffset", "headingreset", "hidden", "id", "inert",
    "inputmode", "is", "itemid", "itemprop", "itemref", "itemscope", "itemtype", "lang", "nonce", "part", "popover",
    "role", "slot", "spellcheck", "style", "tabindex", "title", "translate", "virtualkeyboardpolicy",
    "writingsuggestions", "xml:base", "xml:lang", "xml:space", "xmlns",
];

/// Families of attributes, by what their names begin with.
const FAMILIES: &[&str] = &["aria-", "data-", "xmlns:"];

/// An element that HTML has.
#[derive(Debug, Clone, Copy)]
pub struct Element {
    pub name: &'static str,
    attributes: &'static [&'static str],
}

impl Element {
    /// The element with this name, in whatever case it is written.
    pub fn named(name: &str) -> Option<Self> {
        let at = ELEMENTS.binary_search_by(|(known, _)| compare(known, name)).ok()?;
        ELEMENTS.get(at).map(|(name, attributes)| Self { name, attributes })
    }

    /// Whether the element has an attribute of this name.
    pub fn has(&self, attribute: &str, has_value: bool) -> bool {
        let is_in = |list: &[&str]| list.binary_search_by(|known| compare(known, attribute)).is_ok();
        is_in(GLOBAL) || is_in(self.attributes) || is_of_family(attribute) || (has_value && is_handler(attribute))
    }
}

/// `data-`, `aria-` and `xmlns:`, each with something behind it.
fn is_of_family(attribute: &str) -> bool {
    FAMILIES.iter().any(|family| {
        let (head, name) = attribute.split_at_checked(family.len()).unwrap_or_default();
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        head.eq_ignore_ascii_case(family) && !name.is_empty() && name.bytes().all(is_name)
    })
}

/// Browsers have hundreds of event handlers, and more each year. Without a value none does anything, and `only`, `one` and
/// `onset` are words.
fn is_handler(attribute: &str) -> bool {
    let (head, event) = attribute.split_at_checked(2).unwrap_or_default();
    mutant!("markup-handlers-make-it-text", return false);
    head.eq_ignore_ascii_case("on") && !event.is_empty() && event.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// The order of a name that is known, in lower case, and one as it was written.
fn compare(known: &str, written: &str) -> Ordering {
    known.bytes().cmp(written.bytes().map(|byte| byte.to_ascii_lowercase()))
}

/// The names of all elements.
pub fn names() -> impl Iterator<Item = &'static str> {
    ELEMENTS.iter().map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_in_order_and_have_nothing_twice() {
        assert!(ELEMENTS.is_sorted_by(|(one, _), (next, _)| one < next));
        assert!(GLOBAL.is_sorted_by(|one, next| one < next));
        for (name, attributes) in ELEMENTS {
            assert!(attributes.is_sorted_by(|one, next| one < next), "{name}");
            assert!(attributes.iter().all(|own| !GLOBAL.contains(own)), "{name} has a global attribute of its own");
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(Element::named("ScRiPt").unwrap().name, "script");
        for none in ["", "y", "john", "string", "bb", "o:p", "normal", "image"] {
            assert!(Element::named(none).is_none(), "{none}");
        }
    }

    #[test]
    fn attributes_are_the_elements_own_or_everybodys() {
        let (b, a) = (Element::named("b").unwrap(), Element::named("a").unwrap());
        for (element, attribute, has_value, is_one) in [
            (a, "HREF", true, true),
            (b, "href", true, false),
            (b, "class", false, true),
            (b, "data-x", false, true),
            (b, "data-", true, false),
            (b, "aria-label", true, true),
            (b, "onclick", true, true),
            (b, "onclick", false, false),
            (b, "only", false, false),
            (b, "on", true, false),
            (b, "and", false, false),
            (b, "=", false, false),
            (b, "", true, false),
            (b, " ", true, false),
        ] {
            assert_eq!(element.has(attribute, has_value), is_one, "{} {attribute}", element.name);
        }
    }
}
