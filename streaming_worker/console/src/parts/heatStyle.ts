// A ground as strong as a number, and text that reads on it in the theme that is on.
import { over, rgb, textOn } from "../format/contrast";

/** Strength is -1 to 1. */
export function heatStyle(strength: number): { background: string; color: string } {
  const name = strength < 0 ? "--cold" : "--heat";
  const alpha = Number((0.12 + 0.88 * Math.abs(strength)).toFixed(2));
  const theme = getComputedStyle(document.documentElement);
  const seen = over(rgb(theme.getPropertyValue(name)), alpha, rgb(theme.getPropertyValue("--panel")));
  return { background: `rgb(var(${name}) / ${alpha})`, color: textOn(seen) };
}
