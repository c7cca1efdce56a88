/** Types of what is read from others: a state, a preview, a cluster. */

/** A value of which anything may be missing, at every depth, and nothing is changed. */
export type Seen<T> = T extends readonly (infer Item)[]
    ? readonly Seen<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]?: Seen<T[Key]> }
      : T;
