import { DEFAULT_SCALAR_STYLE_RULES, dump, SCALAR_STYLE, type ScalarStyleRule } from 'js-yaml';

/** Characters that `printable` escapes, too; but here the text must keep its value. A line feed is how lines end. */
const harmful = /(?!\n)[\p{C}\p{Zl}\p{Zp}]/gu;

/** JSON that says the same and holds nothing that a terminal would act upon. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value, undefined, 2);
  return `${text.replace(harmful, (character) => character.replace(/[^]/g, escapedUnit))}\n`;
}

function escapedUnit(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** Where a text needs escapes it stands in double quotes, the only place that YAML has them. */
const quoteHarmful: ScalarStyleRule = (layout) => {
  if (layout.node.value.search(harmful) !== -1) layout.style = SCALAR_STYLE.DOUBLE_QUOTED;
};

const options = {
  // Nothing is folded: long values stay what one can search for.
  lineWidth: -1,
  noRefs: true,
  scalarStyleRules: [quoteHarmful, ...Object.values(DEFAULT_SCALAR_STYLE_RULES)],
};

/** The same as YAML. */
export function toYaml(value: unknown): string {
  return dump(value, options).replace(
    harmful,
    (character) => `\\U${(character.codePointAt(0) ?? 0).toString(16).padStart(8, '0')}`,
  );
}

/** Several objects, as kubectl takes them. */
export function toYamlStream(values: readonly unknown[]): string {
  return values.map(toYaml).join('---\n');
}
