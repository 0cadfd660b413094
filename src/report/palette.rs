//! Colours of text reports. Without them every report says the same: colour repeats what symbols and words already say.

use std::fmt;

use anstyle::{AnsiColor, Style};

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Palette {
    /// No escape sequence at all.
    #[default]
    Plain,
    /// ANSI colours.
    Colour,
}

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// A heading or a name.
    Strong,
    /// Secondary: provenance, IDs.
    Dim,
    /// Something new.
    Good,
    /// Something that changes.
    Change,
    /// Something that goes, or went wrong.
    Bad,
    /// Something that waits for a person.
    Wait,
}

impl Tone {
    const fn style(self) -> Style {
        match self {
            Self::Strong => Style::new().bold(),
            Self::Dim => Style::new().dimmed(),
            Self::Good => AnsiColor::Green.on_default(),
            Self::Change => AnsiColor::Yellow.on_default(),
            Self::Bad => AnsiColor::Red.on_default().bold(),
            Self::Wait => AnsiColor::Magenta.on_default(),
        }
    }
}

impl Palette {
    /// The text in a tone. The text must be safe already.
    pub fn paint<T: fmt::Display>(self, tone: Tone, text: T) -> Painted<T> {
        let style = match self {
            Self::Plain => Style::new(),
            Self::Colour => tone.style(),
        };
        Painted { style, text }
    }
}

/// Text with its colour.
#[derive(Clone, Copy, Debug)]
pub struct Painted<T> {
    style: Style,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { style, text } = self;
        write!(f, "{style}{text}{style:#}")
    }
}
