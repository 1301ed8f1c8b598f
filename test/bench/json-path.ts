type Step = (values: unknown[]) => unknown[];

/**
 * Reads `{.path}=value` as `kubectl wait --for=jsonpath=` does, of which it knows fields (`.status`), positions (`[0]`), all
 * members (`[*]`) and filters (`[?(@.type=="Ready")]`).
 * @returns whether an object has this value there
 * @throws Error, one line, when it is written in another way
 */
export function jsonPathCondition(text: string): (object: unknown) => boolean {
  const [, path = '', wanted = ''] = /^\{(\..+)\}=(.*)$/.exec(text) ?? [];
  const steps = [
    ...path.matchAll(
      /\.(?<field>[A-Za-z0-9_-]+)|\[(?<position>\d+|\*)\]|\[\?\(@\.(?<key>\w+)==["'](?<value>[^"']*)["']\)\]/g,
    ),
  ];
  if (path === '' || steps.map(([step]) => step).join('') !== path)
    throw new Error(`${text} is not a condition such as {.status.conditions[?(@.type=="Ready")].status}=True`);
  const walk = steps.map(({ groups = {} }) => step(groups));
  return (object) => walk.reduce((values, next) => next(values), [object]).some((value) => String(value) === wanted);
}

function step({ field, position, key, value }: { [name: string]: string | undefined }): Step {
  if (field !== undefined) return (values) => values.flatMap((one) => member(one, field));
  if (position !== undefined)
    return (values) => values.flatMap((one) => (position === '*' ? elements(one) : member(one, position)));
  return (values) =>
    values.flatMap(elements).filter((one) => member(one, key ?? '').some((has) => String(has) === value));
}

function member(value: unknown, name: string): unknown[] {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name) ? [Reflect.get(value, name)] : [];
}

function elements(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
