import { BlockList, isIP } from 'node:net';

const linkLocal = new BlockList();
linkLocal.addSubnet('169.254.0.0', 16); // matches ::ffff:169.254.0.0/112 as well
linkLocal.addSubnet('fe80::', 10, 'ipv6');
linkLocal.addSubnet('::a9fe:0', 112, 'ipv6'); // IPv4-compatible
linkLocal.addSubnet('64:ff9b::a9fe:0', 112, 'ipv6'); // behind NAT64

/** Addresses that belong to the link, where clouds serve their instance metadata; also written as IPv6 in various ways. */
export function isLinkLocal(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && linkLocal.check(address, family === 6 ? 'ipv6' : 'ipv4');
}
