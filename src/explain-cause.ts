/** Why a MAC is not the right one: a name for programs, what was done, and what to do instead. */
export interface Cause {
  readonly name: string
  readonly what: string
  readonly instead: string
}

export const cause = (name: string, what: string, instead: string): Cause => ({ name, what, instead })
