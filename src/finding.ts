/** What the doctor says of one thing. `next` is what the operator should do. */
export interface Finding {
  readonly check: string
  readonly level: 'ok' | 'warn' | 'fail'
  readonly text: string
  readonly next?: string
}

export const ok = (check: string, text: string): Finding => ({ check, level: 'ok', text })
export const warned = (check: string, text: string, next: string): Finding => ({ check, level: 'warn', text, next })
export const failed = (check: string, text: string, next: string): Finding => ({ check, level: 'fail', text, next })
