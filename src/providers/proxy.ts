/** The proxy that requests to providers go through. */
export interface ProxySettings {
  /** Its URL. May hold a password. */
  url: string;
  /** Hosts that are contacted directly, as `NO_PROXY` lists them. */
  except: string;
}

/**
 * Reads `HTTPS_PROXY` and `NO_PROXY`, in capitals or not. They apply to providers only; the way to the API server is a
 * matter of its kubeconfig.
 *
 * @returns undefined when no proxy is set
 * @throws Error with one sentence that never holds the value
 */
export function proxyFrom(env: Readonly<Record<string, string | undefined>>): ProxySettings | undefined {
  const read = (name: string): string => env[name.toLowerCase()] || env[name] || '';
  const url = read('HTTPS_PROXY');
  if (url === '') return undefined;
  if (!/^https?:$/.test(URL.parse(url)?.protocol ?? ''))
    throw new Error('HTTPS_PROXY must be a URL such as http://proxy.example.com:3128.');
  return { url, except: read('NO_PROXY') };
}
