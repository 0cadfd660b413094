//! Hostile text is shown harmlessly, and harmless text is shown as it is.

use bmsync::display::{MAX_CHARS, code, count, counted, prose, quoted, safe};

#[test]
fn harmless_text_is_untouched() {
    for text in ["", "Adele Vance", "Zoë Łukasiewicz", "山田太郎", "O'Neil \\ \"Bob\"", "👍"] {
        assert_eq!(safe(text), text);
        assert!(matches!(safe(text), std::borrow::Cow::Borrowed(_)), "no copy for {text:?}");
    }
}

#[test]
fn hostile_characters_become_visible() {
    for (hostile, shown) in [
        ("\u{1b}[31mred\u{1b}[0m", "\\u{1b}[31mred\\u{1b}[0m"),
        ("a\r\nb\tc", "a\\r\\nb\\tc"),
        ("bell\u{7} del\u{7f} csi\u{9b}2J", "bell\\u{7} del\\u{7f} csi\\u{9b}2J"),
        ("user\u{202e}gpj.exe", "user\\u{202e}gpj.exe"),
        ("ad\u{200b}min\u{feff}\u{2066}", "ad\\u{200b}min\\u{feff}\\u{2066}"),
        ("line\u{2028}sep", "line\\u{2028}sep"),
        ("tag\u{e0041}", "tag\\u{e0041}"),
    ] {
        assert_eq!(safe(hostile), shown);
    }
}

#[test]
fn an_endless_name_is_cut_and_says_how_long_it_was() {
    let name = "x".repeat(65_536);
    let shown = safe(&name);
    assert!(shown.ends_with("… (65536 characters)"), "{shown}");
    assert_eq!(shown.chars().count(), MAX_CHARS + "… (65536 characters)".chars().count());
    let escapes = "\u{1b}".repeat(65_536);
    assert!(safe(&escapes).len() < 10 * MAX_CHARS);
}

#[test]
fn nothing_and_the_word_nothing_differ() {
    assert_eq!(quoted(None), "∅");
    assert_eq!(quoted(Some("∅")), "\"∅\"");
    assert_eq!(quoted(Some("say \"hi\"")), "\"say \\\"hi\\\"\"");
}

#[test]
fn markdown_code_spans_hold_backticks() {
    assert_eq!(code("plain"), "`plain`");
    assert_eq!(code("a`b"), "``a`b``");
    assert_eq!(code("```"), "```` ``` ````");
    assert_eq!(code("<img src=x> @team"), "`<img src=x> @team`");
    assert_eq!(code("two\nlines"), "`two\\nlines`");
}

#[test]
fn markdown_prose_wakes_nothing() {
    assert_eq!(prose("a|b <b>&[x](y) *z* `c`"), "a\\|b &lt;b&gt;&amp;\\[x\\]\\(y\\) \\*z\\* \\`c\\`");
    assert_eq!(prose("@acme/owners see #12"), "@&#8203;acme/owners see \\#&#8203;12");
    assert_eq!(prose("adele@contoso.com"), "adele@contoso.com");
    assert_eq!(prose("https://evil.example www.evil.example"), "https:&#8203;//evil.example www&#8203;.evil.example");
}

#[test]
fn counts_are_readable() {
    assert_eq!([0, 999, 1_000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"].map(String::from));
    assert_eq!(counted(1, "user"), "1 user");
    assert_eq!(counted(1_200, "user"), "1,200 users");
}
