import { address, setQuery } from '../../router/location.js';

interface ChoiceFieldProps<Value extends string> {
  readonly label: string;
  /** The parameter of the address that holds the choice. */
  readonly name: string;
  /** The first one is chosen while the address has none, and is not written to it. */
  readonly choices: readonly { readonly value: Value; readonly label: string }[];
}

/** One of several choices, which the address holds. */
export function ChoiceField<Value extends string>({ label, name, choices }: ChoiceFieldProps<Value>) {
  const chosen = chosenValue(name, choices);
  return (
    <select
      aria-label={label}
      value={chosen}
      onChange={({ currentTarget: { value } }) =>
        setQuery({ [name]: value === choices[0]?.value ? null : value })
      }
    >
      {choices.map((choice) => (
        <option key={choice.value} value={choice.value}>
          {choice.label}
        </option>
      ))}
    </select>
  );
}

/** The choice that the address holds, or the first one. */
export function chosenValue<Value extends string>(
  name: string,
  choices: ChoiceFieldProps<Value>['choices'],
): Value | undefined {
  const inAddress = address.value.searchParams.get(name);
  return (choices.find(({ value }) => value === inAddress) ?? choices[0])?.value;
}
