/** Forms and controls as application/x-www-form-urlencoded. Files stay behind: they do not travel in events. */

/** What a form hides for browsers without JavaScript; over the socket it is of no use. */
const plain = /^live-(event|seal)$/;

/** The whole form as the browser would submit it, the submitter at its place. */
export function formData(form: HTMLFormElement, submitter?: HTMLElement | null): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of new FormData(form, submitter)) if (typeof value === "string" && !plain.test(name)) pairs.append(name, value);
  return pairs.toString();
}

/** One control alone, as it would stand in its form's data. */
export function controlData(control: Element): string {
  const pairs = new URLSearchParams();
  const { name, type, value, checked, selectedOptions } = control as HTMLInputElement & HTMLSelectElement;
  if (!name || (type as string) === "file") return "";
  if (selectedOptions) for (const option of selectedOptions) pairs.append(name, option.value);
  else if (!/^(checkbox|radio)$/.test(type) || checked) pairs.append(name, value);
  return pairs.toString();
}

/** What a control shows now, to tell whether it changed: of a select the list of what is chosen. */
export function stateOf(control: Element): string {
  const { value, checked, selectedOptions } = control as HTMLInputElement & HTMLSelectElement;
  return selectedOptions ? JSON.stringify([...selectedOptions].map((o) => o.value)) : `${checked} ${value}`;
}
