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
fn letters_that_pretend_to_be_latin_become_visible() {
    for (pretended, shown) in [
        ("\u{430}dele@contoso.com", "\\u{430}dele@contoso.com"),
        ("mail of \"b\u{43e}b\u{435}@contoso.com\" is", "mail of \"b\\u{43e}b\\u{435}@contoso.com\" is"),
        ("\u{440}\u{430}\u{443}@contoso.com", "\\u{440}\\u{430}\\u{443}@contoso.com"),
        ("\u{ff21}dele Vance", "\\u{ff21}dele Vance"),
        ("ade\u{301}le@contoso.com", "ade\\u{301}le@contoso.com"),
        ("l\u{131}sa@contoso.com", "l\\u{131}sa@contoso.com"),
        ("Ad\u{435}le-\u{418}\u{432}\u{430}\u{43d}", "Ad\\u{435}le-\u{418}\u{432}\u{430}\u{43d}"),
    ] {
        assert_eq!(safe(pretended), shown);
    }
}

#[test]
fn honest_words_of_other_scripts_stay() {
    for text in [
        "\u{418}\u{432}\u{430}\u{43d} Smith",
        "\u{418}\u{432}\u{430}\u{43d} <ivan@contoso.com>",
        "Y\u{131}ld\u{131}z",
        "Jose\u{301}",
        "m\u{fc}ller@contoso.com",
        "Kaho\u{2bb}olawe",
        "\u{7530}\u{4e2d}Taro",
        "Acme\u{2122}",
    ] {
        assert_eq!(safe(text), text);
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
