import type { HttpAnswer } from './http.ts';

/** NAVER refuses what is five minutes off, the others do not say; a clock that is kept in time is never a minute off. */
const noticeableMs = 60_000;

/** One more sentence for a refused signature, when the clock of this machine may be the cause; else nothing. */
export function clockAdvice({ clockSkewMs = 0 }: Pick<HttpAnswer, 'clockSkewMs'>): string {
  if (Math.abs(clockSkewMs) < noticeableMs) return '';
  const seconds = Math.round(Math.abs(clockSkewMs) / 1_000);
  return ` The clock of this machine is ${seconds} s ${clockSkewMs > 0 ? 'ahead of' : 'behind'} the provider's: correct it.`;
}
