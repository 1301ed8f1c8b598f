import { type Logger, pino } from 'pino';
import { prettyLine } from './pretty.ts';
import { scrubbed, visible } from './scrub.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
export const isLogLevel = (text: string): text is LogLevel => logLevels.some((level) => level === text);

export const logFormats = ['json', 'pretty'] as const;
export type LogFormat = (typeof logFormats)[number];
export const isLogFormat = (text: string): text is LogFormat => logFormats.some((format) => format === text);

/**
 * The logger of the process: one line per message to `out`, as JSON or for human eyes. Nobody logs secrets; that they are cut out
 * of each line is the second net.
 */
export function createLogger({
  level = 'info',
  format = 'json',
  out = process.stdout,
}: {
  level?: LogLevel;
  format?: LogFormat;
  out?: { write(text: string): unknown };
}): Logger {
  const line = format === 'pretty' ? prettyLine : visible;
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    { write: (json: string) => void out.write(line(scrubbed(json))) },
  );
}

/** The parts of an error that are known to be harmless: foreign ones carry requests and answers in their fields. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const { name, message, stack } = error;
  const { reason, code } = error as { reason?: unknown; code?: unknown };
  return {
    type: name,
    message,
    ...(typeof reason === 'string' && { reason }),
    ...(typeof code === 'string' && { code }),
    // An error with a reason was foreseen: where it was made tells nothing.
    ...(typeof reason !== 'string' && { stack }),
  };
}
