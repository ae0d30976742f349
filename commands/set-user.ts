import { Type } from '../schemas/types.js'
import { RemovedUser, SavedUser, SetUser, type UserChange } from '../schemas/users.js'
import {
  type AssignedUser,
  type Caller,
  command,
  endFor,
  type PanelUser,
  passwordCeiling,
  permissionsOfType,
  Refusal,
  requireUserGrantable,
  type UserFields,
} from '../src/command.js'

export default command({
  name: 'set-user',
  summary: 'Create a panel user, change only what is given, or remove it with {"remove": true}',
  permission: 'users:write',
  params: SetUser,
  result: Type.Union([SavedUser, RemovedUser]),
  codes: ['USER_NOT_SAVED', 'USER_NOT_REMOVED', 'LAST_ADMINISTRATOR', 'USER_SAVED', 'USER_REMOVED'],
  example: { params: { id: 'alice', user: { type: 3, comment: 'a viewer', conlimit: 2 } } },
  target: ({ id }) => id,
  // A user that is removed takes its keys along.
  changesRights: ({ id, user }) => (user?.remove ? {} : { user: id }),
  async prepare({ user }, { passwords }) {
    return user.password === undefined ? undefined : await passwords.hash(user.password)
  },
  async run({ id, user }, { caller, store, now, prepared, audit }) {
    const before = await store.users.find(id)
    const fields = fieldsOf(user, prepared)
    const assigned = before?.assigned ?? false
    if (before) requireAll(caller, before.type, assigned)
    if (user.remove) {
      if (!before) return ['USER_NOT_REMOVED']
      await store.users.remove(id)
    } else {
      const after = { type: fields.type ?? before?.type ?? 3, expire: fields.expire ?? before?.expire ?? 0, assigned }
      requireAll(caller, after.type, assigned)
      requireUserGrantable(caller, before, after, fields.password !== undefined)
      const password = fields.password === undefined ? undefined : passwordLimits(caller, id, after)
      if (before) await store.users.update(id, { ...fields, ...password }, now)
      else await store.users.insert(id, { ...fields, ...password }, now)
    }
    if (before && administers(before, now) && !(await store.users.administratorLeft(now))) return ['LAST_ADMINISTRATOR']
    if (user.remove) audit(before && toldOf(before), undefined)
    else audit(...changed(before, fields))
    return user.remove ? ['USER_REMOVED', { id }] : ['USER_SAVED', { id, created: !before }]
  },
})

/** What was assigned stands in rows of its own. */
const toldOf = ({ assigned: _assigned, ...user }: AssignedUser): PanelUser => user

/** What the audit trail shows of a change: what differs, a password only as changed, a token never. */
function changed(before: PanelUser | undefined, fields: UserFields): [before: object | undefined, after: object] {
  const { password, token: _token, ...open } = fields
  const differing = Object.entries(open).filter(
    ([name, value]) => value !== undefined && (!before || Reflect.get(before, name) !== value),
  )
  const was = before && Object.fromEntries(differing.map(([name]) => [name, Reflect.get(before, name)]))
  return [was, { ...Object.fromEntries(differing), ...(password !== undefined && { password: 'changed' }) }]
}

/** Nobody gives, changes or takes away what they do not hold themselves (protocol §11). */
function requireAll(caller: Caller, type: number, assigned: boolean): void {
  if (caller.holdsAll(permissionsOfType(type, assigned))) return
  throw new Refusal('FORBIDDEN', { message: `A user of type ${type} holds more than you do` })
}

const passwordLimits = (caller: Caller, id: string, after: Parameters<typeof passwordCeiling>[1]) => ({
  ceiling: passwordCeiling(caller, after),
  passwordUntil: endFor(caller, { kind: 'user', id }),
})

const administers = ({ type, enable, expire }: PanelUser, now: number): boolean =>
  type === 1 && enable && (expire === 0 || expire > now)

function fieldsOf(user: UserChange, password: string | undefined): UserFields {
  const { enable, comment, token, ip, expire } = user
  return {
    enable,
    type: user.type || undefined,
    password,
    comment,
    token,
    ip,
    expire,
    conlimit: user.conlimit ?? user.connlimit,
  }
}
