/** Where the pod with the simulated clouds listens, and the Service before it. */
export const ports = { nhn: 8441, scp: 8442, naver: 8443, control: 8080 } as const;
