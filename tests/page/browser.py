"""The playground's page in a real Chromium: what a person does with eyes, keyboard and mouse, for journey tests.

Chromium and its driver come from the system (Debian: ``chromium chromium-driver``) and are given to Selenium by path, so nothing is
looked up or fetched; every address but loopback is unreachable for the browser.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Literal, TypeVar
from urllib.parse import urlencode

from selenium import webdriver
from selenium.common.exceptions import ElementClickInterceptedException, StaleElementReferenceException
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

T = TypeVar("T")
Place = Literal["channel", "thread", "modal", "confirm", "home", "page"]
PLACES: dict[Place, str] = {
    "channel": "main .list",
    "thread": "[data-testid=thread-panel]",
    "modal": "[data-testid=modal]",
    "confirm": "[data-testid=confirm]",
    "home": "[data-testid=home]",
    "page": "body",
}
SECONDS = 20.0


def missing() -> str:
    """Why no browser can be driven on this machine; '' if one can."""
    if not _chromium():
        return "Chromium is not installed"
    return "" if shutil.which("chromedriver") else "chromedriver is not installed"


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Browser:
    """One window. Methods that look for something wait for it; AssertionError says what was not there, and what was."""

    def __init__(self, url: str, *, width: int = 1280, height: int = 860, dark: bool = False) -> None:
        options = webdriver.ChromeOptions()
        options.binary_location = _chromium() or ""
        for argument in (
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars",
            "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
        ):  # fmt: skip
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options, webdriver.ChromeService(shutil.which("chromedriver")))
        self.url = url.rstrip("/")
        self.size(width, height)
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]}
        )

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and its driver."""
        self.driver.quit()

    def size(self, width: int, height: int = 860) -> None:
        """The viewport in CSS pixels; below 600 it is a phone with touch."""
        phone = width < 600
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": phone})

    def open(self, user: str = "U0ALICE", channel: str = "C0GPU", thread: str = "", home: bool = False) -> None:
        """Load the page as `user`."""
        query = {"as": user, "channel": channel, **({"thread": thread} if thread else {}), **({"home": ""} if home else {})}
        self.driver.get(f"{self.url}/?{urlencode(query)}")
        self._live(user)

    def act_as(self, user: str) -> None:
        """Press the avatar of `user`."""
        self.press(self.find(f"[data-testid=person-{user}]"))
        self._live(user)

    def channel(self, channel: str) -> None:
        """Press a channel in the sidebar."""
        self._from_sidebar(f"[data-testid=channel-{channel}]")

    def home(self) -> None:
        """Open the app's Home tab."""
        self._from_sidebar("[data-testid=home-tab]")

    def say(self, text: str, *, thread: bool = False) -> None:
        """Type into a composer and press Enter: a message, a command, or, with ``@quartermaster``, a mention."""
        box = self.find(f"[data-testid={'thread-composer' if thread else 'composer'}]")
        box.click()
        box.send_keys(text)
        # A handle at the very end would be completed by Enter instead of sent.
        box.send_keys(" " if text.rsplit(" ", 1)[-1].startswith("@") else "", Keys.ENTER)

    def open_thread(self, ts: str = "") -> None:
        """Press the reply count of the message `ts`, or of the newest message that has one."""
        if ts:
            self.press(self.find(f"[data-testid='reply-count-{ts}']"))
        else:
            self.press(self._awaited(lambda: self._all("[data-testid^=reply-count-]"), "a message with replies")[-1])
        self.find(PLACES["thread"])

    def click(self, label: str, where: Place = "channel") -> None:
        """Press the newest button that shows `label`."""
        self.press(self._button(label, where))

    def show(self, label: str, where: Place = "channel") -> None:
        """Scroll to the newest button that shows `label`."""
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", self._button(label, where))

    def _button(self, label: str, where: Place) -> WebElement:
        path = f".//button[normalize-space(.)={_quoted(label)} or @aria-label={_quoted(label)}]"

        def look() -> list[WebElement]:
            scope = self._all(PLACES[where])
            return [one for one in scope[-1].find_elements(By.XPATH, path) if one.is_enabled() and one.is_displayed()] if scope else []

        return self._awaited(look, f"a button {label!r} in the {where}", SECONDS, where)[-1]

    def shortcut(self, label: str) -> None:
        """Use a message shortcut on the newest message of the channel."""
        newest = self._awaited(lambda: self._all("main .message"), "a message")[-1]
        ActionChains(self.driver).move_to_element(newest).perform()
        self.press(newest.find_element(By.CSS_SELECTOR, "[aria-label='Message actions']"))
        self.press(newest.find_element(By.XPATH, f".//button[@role='menuitem'][starts-with(normalize-space(.),{_quoted(label)})]"))

    def choose(self, action_id: str, label: str, where: Place = "channel") -> None:
        """Pick the option `label` in the newest select with that action_id."""
        select = f"{PLACES[where]} [data-action='{action_id}'] select"
        found = self._awaited(lambda: self._all(select), f"a select {action_id!r}")[-1]
        found.find_element(By.XPATH, f".//option[normalize-space(.)={_quoted(label)}]").click()

    def fill(self, label: str, value: str) -> None:
        """Fill the modal's input with that label: text typed anew, or an option by its text."""
        path = (
            f"//dialog//*[contains(@class,'input-block')][div[contains(@class,'input-label')][starts-with(normalize-space(.),{_quoted(label)})]]"
            "//*[self::input or self::textarea or self::select]"
        )
        field = self._awaited(lambda: self.driver.find_elements(By.XPATH, path), f"an input {label!r} in: {self.text('modal')!r}")[0]
        if field.tag_name == "select":
            field.find_element(By.XPATH, f".//option[normalize-space(.)={_quoted(value)}]").click()
        else:
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(value)

    def submit(self) -> None:
        """Submit the modal."""
        self.press(self.find("[data-testid=modal-submit]"))

    def text(self, where: Place = "page") -> str:
        """What can be read there now; '' where it is not open."""
        try:
            found = self._all(PLACES[where])
            return found[-1].text if found else ""
        except StaleElementReferenceException:
            return self.text(where)

    def wait_for(self, text: str, where: Place = "page", seconds: float = SECONDS) -> str:
        """Wait until `text` can be read there; answers everything that can."""

        def look() -> str:
            shown = self.text(where)
            return shown if text in shown else ""

        return self._awaited(look, f"{text!r} in the {where}", seconds, where)

    def wait_gone(self, where: Place, seconds: float = SECONDS) -> None:
        """Wait until a thread, modal or dialog is closed."""
        self._awaited(lambda: not self._all(PLACES[where]), f"the {where} to close", seconds)

    def complaints(self) -> list[str]:
        """What the page's console holds of errors and warnings since the last call."""
        entries = self.driver.execute("getLog", {"type": "browser"})["value"]
        return [str(entry["message"]) for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path: Path | str, width: int = 0, height: int = 0) -> None:
        """Write a PNG, at another width where one is given (kept afterwards)."""
        if width:
            self.size(width, height or (844 if width < 600 else 860))
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(path))

    def find(self, selector: str, seconds: float = SECONDS) -> WebElement:
        """Wait for the first element of a CSS selector that is in the page."""
        return self._awaited(lambda: self._all(selector), selector, seconds)[0]

    def press(self, element: WebElement) -> None:
        """Scroll to it and click; again where something was still on its way past it."""

        def clicked() -> bool:
            try:
                self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
                element.click()
            except ElementClickInterceptedException:
                return False
            return True

        self._awaited(clicked, "the element to be free for a click")

    def _live(self, user: str) -> None:
        """Wait until the page is that person's and hears of what happens."""
        self.find(f"[data-live=true] [data-testid=person-{user}][aria-pressed=true]")

    def _from_sidebar(self, selector: str) -> None:
        entry = self.find(selector)
        if not entry.is_displayed():
            self.press(self.find("[aria-label=Channels]"))
            self._awaited(entry.is_displayed, "the sidebar to open")
        self.press(entry)

    def _all(self, selector: str) -> list[WebElement]:
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def _awaited(self, look: Callable[[], T], what: str, seconds: float = SECONDS, where: Place | None = None) -> T:
        ends = time.monotonic() + seconds
        while True:
            try:
                found = look()
            except StaleElementReferenceException:
                continue  # drawn anew between two looks
            if found:
                return found
            if time.monotonic() > ends:
                shown = f"; it shows: {self.text(where)[-2000:]!r}" if where else ""
                raise AssertionError(f"not within {seconds:g} s: {what}{shown}")
            time.sleep(0.05)


def _quoted(text: str) -> str:
    """`text` as an XPath string, which has no escapes."""
    parts = text.split("'")
    return f"'{text}'" if len(parts) == 1 else "concat(" + ", \"'\", ".join(f"'{part}'" for part in parts) + ")"
