// Which text reads on a ground: contrast as WCAG 2 computes it.
export type Rgb = readonly [number, number, number];

function luminance(colour: Rgb): number {
  const [r, g, b] = colour.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as [number, number, number];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

export function contrast(one: Rgb, other: Rgb): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The colour that is seen where one lies over another. */
export function over(colour: Rgb, alpha: number, ground: Rgb): Rgb {
  const mix = (index: 0 | 1 | 2): number => colour[index] * alpha + ground[index] * (1 - alpha);
  return [mix(0), mix(1), mix(2)];
}

/** Black or white, whichever reads better: one of them always has a contrast of more than 4.5. */
export function textOn(ground: Rgb): "#000000" | "#ffffff" {
  return contrast(ground, [0, 0, 0]) >= contrast(ground, [255, 255, 255]) ? "#000000" : "#ffffff";
}

/** Read "#141a15", "#fff" (the build shortens colours) or "182 242 60"; black where it is none of them. */
export function rgb(text: string): Rgb {
  const hex = /^#([\da-f]{1,2})([\da-f]{1,2})([\da-f]{1,2})$/i.exec(text.trim());
  const parts = hex === null ? text.trim().split(/\s+/).map(Number) : hex.slice(1).map((part) => Number.parseInt(part.padStart(2, part), 16));
  const [r = 0, g = 0, b = 0] = parts.map((part) => (Number.isFinite(part) ? part : 0));
  return [r, g, b];
}
