//! Pages for when there is no page.

use maud::html;

use crate::layout::{Frame, Place, page};
use crate::texts;

/// For a path that leads nowhere, such as `/event/x`. The path is needed to find the way back up.
pub fn not_found(path: &str) -> String {
    problem(path, texts::NOT_FOUND_TITLE, texts::NOT_FOUND_TEXT)
}

/// For a page that could not be made; `status` is the HTTP status sent with it.
pub fn error(path: &str, status: u16) -> String {
    problem(path, texts::ERROR_TITLE, &texts::error(status))
}

fn problem(path: &str, title: &str, text: &str) -> String {
    let root = way_up(path);
    let home = if root.is_empty() { "./" } else { &root };
    let body = html! {
        h1 { (title) }
        p { (text) }
        p.more { a href=(home) { (texts::BACK) } }
    };
    page(&Frame { title, root: &root, place: Place::Elsewhere }, &body)
}

/// As many `../` as the path is deep.
fn way_up(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    "../".repeat(path.matches('/').count().saturating_sub(1).min(16))
}

#[cfg(test)]
mod tests {
    use super::way_up;

    #[test]
    fn the_way_up_is_as_long_as_the_path_is_deep() {
        assert_eq!(way_up("/"), "");
        assert_eq!(way_up("/nothing"), "");
        assert_eq!(way_up("/event/x"), "../");
        assert_eq!(way_up("/a/b/c?d=/e"), "../../");
    }
}
