import { type Tagging, type UserColumns, userColumns, userText } from './bindings.js'
import type { Queries } from './db.js'

const find = `select ${userColumns} from users where account = $1 and id = $2`

export const userRow = (queries: Queries, account: number, id: string): Promise<UserColumns | undefined> =>
  queries.get<UserColumns>(find, [account, id])

/** A new tag for a user that was as it was written; the one that it has for a user that was not: nobody may make that good. */
export const nextTag = (tagging: Tagging, before: UserColumns, after: Omit<UserColumns, 'tag'>): string | null =>
  tagging.isTagged(userText(before), before.tag) ? tagging.tag(userText(after)) : before.tag

/** Runs a change of a user's row and gives the row its new tag. */
export async function changeTagged(
  queries: Queries,
  tagging: Tagging,
  { account, id }: { account: number; id: string },
  change: () => Promise<unknown>,
): Promise<void> {
  const before = await userRow(queries, account, id)
  await change()
  // Read again: the change holds the row from here on.
  const after = await userRow(queries, account, id)
  if (!before || !after) return
  const tag = nextTag(tagging, before, after)
  await queries.run('update users set tag = $3 where account = $1 and id = $2', [account, id, tag])
}
