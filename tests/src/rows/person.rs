//! A person before the hosted page: sees its words, finds its fields by what they are called, fills and presses. Knows
//! nothing of what is sold.

use std::time::{Duration, Instant};

use fantoccini::elements::Element;
use fantoccini::{Client, Locator};
use serde_json::{Value, json};

use super::case::Screen;
use crate::browser::{self, Driver};
use crate::harness::http;

/// The longest that a person waits for a page.
const PATIENCE: Duration = Duration::from_secs(10);

/// Who looks at a page, on a screen.
pub(super) struct Person<'a> {
    driver: &'a Driver,
    screen: Screen,
    shots: String,
}

impl<'a> Person<'a> {
    /// Their screenshots bear the name.
    pub(super) fn new(driver: &'a Driver, screen: Screen, shots: String) -> Self {
        Self { driver, screen, shots }
    }

    fn client(&self) -> &Client {
        &self.driver.client
    }

    pub(super) async fn visit(&self, url: &str) -> Result<(), String> {
        self.resize(self.screen.height()).await;
        self.client().goto(url).await.map_err(|error| format!("{url}: {error}"))
    }

    pub(super) async fn reloads(&self) -> Result<(), String> {
        self.client().refresh().await.map_err(|error| error.to_string())
    }

    pub(super) async fn goes_back(&self) -> Result<(), String> {
        self.client().back().await.map_err(|error| error.to_string())
    }

    /// Where the browser is.
    pub(super) async fn address(&self) -> Result<String, String> {
        self.client().current_url().await.map(|url| url.to_string()).map_err(|error| error.to_string())
    }

    /// The whole page, as long as it is.
    pub(super) async fn shoot(&self, moment: &str) {
        let height = self.client().execute("return document.documentElement.scrollHeight", Vec::new()).await.unwrap();
        self.resize(height.as_u64().unwrap_or_default().max(self.screen.height())).await;
        browser::shoot(self.client(), &format!("{}{moment}", self.shots)).await;
        self.resize(self.screen.height()).await;
    }

    /// A window can't be as narrow as a phone, so the browser is told what its screen is.
    async fn resize(&self, height: u64) {
        let metrics = json!({"width": self.screen.width(), "height": height, "deviceScaleFactor": 1,
            "mobile": self.screen != Screen::Desktop});
        self.tell_browser("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if self.screen == Screen::SmallAndDark { "dark" } else { "light" };
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.tell_browser("Emulation.setEmulatedMedia", media).await;
    }

    async fn tell_browser(&self, command: &str, parameters: Value) {
        let command = json!({"cmd": command, "params": parameters});
        let session = self.client().session_id().await.unwrap().unwrap();
        let url = format!("{}/session/{session}/goog/cdp/execute", self.driver.address);
        assert!(http().post(url).json(&command).send().await.unwrap().status().is_success());
    }

    /// Waits until the page says all of this.
    pub(super) async fn sees(&self, words: &[&str]) -> Result<(), String> {
        let mut page = String::new();
        let missing = self.until(async || {
            page = self.text().await;
            words.iter().find(|word| !page.contains(**word))
        });
        match missing.await {
            None => Ok(()),
            Some(word) => {
                let at = self.address().await.unwrap_or_default();
                Err(format!("{at} does not say `{word}` but: {page}"))
            }
        }
    }

    pub(super) async fn misses(&self, words: &[&str]) -> Result<(), String> {
        let page = self.text().await;
        match words.iter().find(|word| page.contains(**word)) {
            None => Ok(()),
            Some(word) => Err(format!("the page says `{word}`: {page}")),
        }
    }

    /// Waits until the browser is at an address that ends so.
    pub(super) async fn is_led_to(&self, end: &str) -> Result<(), String> {
        let wrong = self.until(async || {
            let at = self.client().current_url().await.map(|url| url.to_string()).unwrap_or_default();
            Some(at).filter(|at| !at.ends_with(end))
        });
        wrong.await.map_or(Ok(()), |at| Err(format!("the browser is at {at}, not at {end}")))
    }

    /// Asks again until nothing is amiss, or patience ends.
    async fn until<T>(&self, mut amiss: impl AsyncFnMut() -> Option<T>) -> Option<T> {
        let began = Instant::now();
        loop {
            let found = amiss().await;
            if found.is_none() || began.elapsed() > PATIENCE {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }

    /// The words of the page, each space an ordinary one.
    async fn text(&self) -> String {
        let Ok(body) = self.client().find(Locator::Css("body")).await else { return String::new() };
        body.text().await.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A field by its label, which may be told apart by its group: `Shipping address > City`.
    async fn field(&self, called: &str) -> Result<Element, String> {
        let (group, label) = called.split_once(" > ").map_or((None, called), |(group, label)| (Some(group), label));
        let within = group.map_or(String::new(), |group| {
            format!("//*[self::fieldset[legend[normalize-space(.)=\"{group}\"]] or @class=\"{group}\"]")
        });
        let path = format!(
            "{within}//label[normalize-space(.)=\"{label}\" or starts-with(normalize-space(.), \"{label} (\") \
             or span[@class=\"name\" and normalize-space(.)=\"{label}\"]]"
        );
        let found = self.found(&path).await.ok_or_else(|| format!("nothing is called `{called}`"))?;
        let id = found.attr("for").await.unwrap().ok_or_else(|| format!("`{called}` names no field"))?;
        self.client().find(Locator::Id(&id)).await.map_err(|error| format!("the field of `{called}`: {error}"))
    }

    async fn found(&self, path: &str) -> Option<Element> {
        self.client().wait().at_most(PATIENCE).for_element(Locator::XPath(path)).await.ok()
    }

    /// Fields that are there to be filled in.
    pub(super) async fn is_asked(&self, fields: &[&str]) -> Result<(), String> {
        for called in fields {
            if !self.field(called).await?.is_displayed().await.unwrap() {
                return Err(format!("`{called}` is not shown"));
            }
        }
        Ok(())
    }

    /// What stands in a field.
    pub(super) async fn reads(&self, called: &str, value: &str) -> Result<(), String> {
        let stands = self.field(called).await?.prop("value").await.unwrap().unwrap_or_default();
        if stands == value { Ok(()) } else { Err(format!("`{called}` holds `{stands}`, not `{value}`")) }
    }

    /// What can be chosen from a list.
    pub(super) async fn is_offered(&self, called: &str, options: &[&str]) -> Result<(), String> {
        let mut offered = Vec::new();
        for option in self.field(called).await?.find_all(Locator::Css("option")).await.unwrap() {
            offered.push(option.text().await.unwrap());
        }
        if offered == options { Ok(()) } else { Err(format!("`{called}` offers {offered:?}")) }
    }

    pub(super) async fn fills(&self, called: &str, text: &str) -> Result<(), String> {
        let field = self.field(called).await?;
        field.clear().await.unwrap();
        field.send_keys(text).await.map_err(|error| format!("`{called}` takes no `{text}`: {error}"))
    }

    pub(super) async fn chooses(&self, called: &str, option: &str) -> Result<(), String> {
        let chosen = self.field(called).await?.select_by_label(option).await;
        chosen.map_err(|error| format!("`{called}` has no `{option}`: {error}"))
    }

    /// A box to tick, or one of several choices.
    pub(super) async fn ticks(&self, called: &str) -> Result<(), String> {
        self.field(called).await?.click().await.map_err(|error| format!("`{called}`: {error}"))
    }

    /// Who pays, by which card; the fields are found by their ids, which are the same in each language.
    pub(super) async fn enters_card(&self, number: &str) -> Result<(), String> {
        let card = [("card_number", number), ("card_expiry", "12 / 34"), ("card_cvc", "123")];
        for (id, text) in [("email", "ada@example.com"), ("name", "Ada Lovelace")].into_iter().chain(card) {
            let field = self.client().find(Locator::Id(id)).await.map_err(|error| format!("{id}: {error}"))?;
            field.clear().await.unwrap();
            field.send_keys(text).await.unwrap();
        }
        Ok(())
    }

    /// Opens what is folded.
    pub(super) async fn unfolds(&self, called: &str) -> Result<(), String> {
        let path = format!("//summary[normalize-space(.)=\"{called}\"]");
        let summary = self.found(&path).await.ok_or_else(|| format!("nothing folded is called `{called}`"))?;
        summary.click().await.map_err(|error| error.to_string())
    }

    /// A button or a link, which leads to a new page.
    pub(super) async fn presses(&self, called: &str) -> Result<(), String> {
        // The page has no-break spaces where a person reads a space.
        let path =
            format!("//*[self::button or self::a][normalize-space(translate(., \"\u{a0}\", \" \"))=\"{called}\"]");
        let button = self.found(&path).await.ok_or_else(|| format!("there is no button `{called}`"))?;
        button.click().await.map_err(|error| format!("`{called}`: {error}"))?;
        let still_there = self.until(async || button.tag_name().await.ok());
        still_there.await.map_or(Ok(()), |_| Err(format!("`{called}` led nowhere")))
    }
}
