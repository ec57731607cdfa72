// Keys for hands that stay on the keyboard. A key never acts while somebody types or a dialog is open.
import { useEffect, useRef } from "react";
import { useNavigate } from "react-router";

import { SCREENS } from "./screens";

const CHORD_MS = 1_200;

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName);
}

function press(selector: string): boolean {
  const found = document.querySelector<HTMLElement>(selector);
  if (found === null) return false;
  found.focus();
  if (found instanceof HTMLButtonElement) found.click();
  return true;
}

const PATIENCE_MS = 3_000;

/** Press it as soon as the screen that was just opened has it. Returns what gives up. */
function pressSoon(selector: string): () => void {
  const watch = new MutationObserver(() => {
    if (press(selector)) stop();
  });
  const timer = setTimeout(stop, PATIENCE_MS);
  function stop(): void {
    clearTimeout(timer);
    watch.disconnect();
  }
  watch.observe(document.body, { childList: true, subtree: true });
  return stop;
}

/** Targets are marked in the page: data-key="filter", "pause", "export". */
const ACTIONS: Readonly<Record<string, string>> = {
  "/": "[data-key=filter]",
  p: "[data-key=pause]",
  e: "[data-key=export]",
};

export function useKeyboard(help: () => void): void {
  const navigate = useNavigate();
  const since = useRef<number | null>(null);
  useEffect(() => {
    let giveUp = (): void => undefined;
    function goTo(letter: string): boolean {
      const screen = SCREENS.find((entry) => entry.letter === letter);
      if (screen === undefined) return false;
      void navigate(screen.path);
      return true;
    }
    function act(key: string): boolean {
      if (key === "?") {
        help();
        return true;
      }
      const selector = ACTIONS[key];
      if (selector === undefined) return false;
      if (press(selector)) return true;
      // the filter only: a pause that comes late is not what was meant
      if (key !== "/") return false;
      giveUp = pressSoon(selector);
      return true;
    }
    function giveUpNow(): void {
      giveUp();
    }
    function onKey(event: KeyboardEvent): void {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (document.querySelector("[role=dialog]") !== null) return;
      giveUp();
      const isSecond = since.current !== null && event.timeStamp - since.current < CHORD_MS;
      since.current = null;
      if (isSecond ? goTo(event.key) : act(event.key)) event.preventDefault();
      else if (event.key === "g") since.current = event.timeStamp;
    }
    document.addEventListener("keydown", onKey);
    document.addEventListener("pointerdown", giveUpNow);
    return () => {
      giveUp();
      document.removeEventListener("keydown", onKey);
      document.removeEventListener("pointerdown", giveUpNow);
    };
  }, [navigate, help]);
}
