// Filter fields bound to the address.
import { Button, NativeSelect, TextInput } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

import { useGet } from "../api/queries";
import type { BookTopPage } from "../api/types";
import type { AddressDoor } from "./address";

interface ChoiceProps {
  address: AddressDoor;
  name: string;
  label: string;
  options: readonly { value: string; label: string }[];
  all?: string;
  isFirst?: boolean;
}

export function Choice({ address, name, label, options, all = "all", isFirst }: ChoiceProps): ReactNode {
  return (
    <NativeSelect
      className="field"
      label={label}
      value={address.values[name] ?? ""}
      data={[{ value: "", label: all }, ...options]}
      onChange={(event) => address.set({ [name]: event.currentTarget.value })}
      {...(isFirst === true ? { "data-key": "filter" } : {})}
    />
  );
}

/** The pairs of the configured books. */
export function PairFilter({ address }: { address: AddressDoor }): ReactNode {
  const books = useGet<BookTopPage>("/books", {}, { everyMs: 300_000 });
  const pairs = [...new Set((books.data?.items ?? []).map((book) => `${book.base}/${book.quote}`))].sort();
  const chosen = address.values["pair"];
  const all = chosen === undefined || pairs.includes(chosen) ? pairs : [chosen, ...pairs];
  return <Choice address={address} name="pair" label="Pair" options={options(all)} />;
}

interface TextProps {
  address: AddressDoor;
  name: string;
  label: string;
  isNumber?: boolean;
  isWide?: boolean;
  placeholder?: string;
}

const QUIET_MS = 350;

/** Text goes into the address when the hands rest. */
export function TextFilter({ address, name, label, isNumber, isWide, placeholder }: TextProps): ReactNode {
  const kept = address.values[name] ?? "";
  const [typed, setTyped] = useState<{ text: string; over: string } | null>(null);
  const text = typed !== null && typed.over === kept ? typed.text : kept;
  const isWrong = isNumber === true && text !== "" && !/^-?\d+(\.\d+)?$/.test(text);
  const { set } = address;
  useEffect(() => {
    if (text === kept || isWrong) return undefined;
    const timer = setTimeout(() => set({ [name]: text }), QUIET_MS);
    return () => clearTimeout(timer);
  }, [text, kept, isWrong, name, set]);
  return (
    <TextInput
      className={isWide === true ? "field wide" : "field slim"}
      label={label}
      placeholder={placeholder ?? ""}
      value={text}
      error={isWrong ? "a number" : null}
      inputMode={isNumber === true ? "decimal" : "search"}
      onChange={(event) => setTyped({ text: event.currentTarget.value, over: kept })}
    />
  );
}

export function Reset({ address, names }: { address: AddressDoor; names: readonly string[] }): ReactNode {
  const used = names.filter((name) => address.values[name] !== undefined);
  if (used.length === 0) return null;
  return (
    <Button variant="subtle" onClick={() => address.set(Object.fromEntries(used.map((name) => [name, null])))}>
      Clear {used.length === 1 ? "filter" : `${used.length} filters`}
    </Button>
  );
}

export function options(values: readonly string[], label: (value: string) => string = String): { value: string; label: string }[] {
  return values.map((value) => ({ value, label: label(value) }));
}
