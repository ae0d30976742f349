import type { Registered, Registry } from './admit.js'
import { accountName, userName } from './authority.js'
import type { Call } from './call.js'
import type { Holder } from './command.js'
import type { Names } from './store/locked-names.js'

/** The names that the transaction of a call locks before it reads anything. `changed` fills while the call runs. */
export function namesOf(call: Call, registry: Registry, changed: ReadonlySet<string>): Names {
  const { authority, caller, registered } = call
  const { account } = caller
  const whole = accountName(account)
  const { locks, carries } = registered.command
  return {
    restsOn: [...(authority?.restsOn ?? []), ...(locks ? [] : [`rows:${account}`])],
    changes: [
      ...rightsChanged(registered, call.params, { account, registry }),
      ...(locks ? [`decisions:${account}`] : []),
      // Its items change rows in an order of their own: nobody else of the account changes single ones meanwhile.
      ...(carries ? [`rows:${account}`] : []),
    ],
    changed,
    whole,
  }
}

interface Around {
  readonly account: number
  readonly registry: Registry
}

/** Whose rights a command says that it changes; those of its items too. */
function rightsChanged(
  { command }: Registered,
  params: Record<string, unknown>,
  { account, registry }: Around,
): string[] {
  const own = command.changesRights?.(params)
  const items = command.carries?.(params) ?? []
  const carried = items.flatMap(({ cmd, params: given }) => {
    const registered = registry.get(cmd)
    return registered && !registered.command.carries ? rightsChanged(registered, given, { account, registry }) : []
  })
  return own ? [nameOf(own, account), ...carried] : carried
}

/** What an item is given was not checked yet where this is asked: what has the wrong type names nobody, and is refused later. */
function nameOf({ account, user }: Holder, own: number): string {
  const which = typeof account === 'number' ? account : own
  return typeof user === 'string' ? userName(which, user) : accountName(which)
}
