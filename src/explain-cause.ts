/** Why a MAC is not the right one: a name for programs, what was done, and what to do instead. */
export interface Cause {
  readonly name: string
  readonly what: string
  readonly instead: string
}

export const cause = (name: string, what: string, instead: string): Cause => ({ name, what, instead })

/** One thing that a client may have done to the text before it signed it; several texts where one thing has several. */
export interface Edit {
  readonly cause: Cause
  apply(text: string): readonly string[]
}

export const edit = (cause: Cause, apply: (text: string) => string | readonly string[] | undefined): Edit => ({
  cause,
  apply(text) {
    const made = apply(text) ?? []
    return (typeof made === 'string' ? [made] : made).filter((other) => other !== text)
  },
})
