import { z } from 'zod';

const text = z.string().min(1);
const chain = z.string().nullish();

const certificateName = z.string().regex(/^[\w-]{3,30}$/);
const day = z.string().regex(/^\d{8}$/);

/** SCP API guide 1.2, `Recipient` and `Tag`. */
const mails = {
  recipients: z.array(z.strictObject({ region: z.string(), user_id: z.string(), user_name: z.string() })).optional(),
  tags: z.array(z.strictObject({ key: text, value: z.string() })).optional(),
  region: text,
  timezone: text,
};

const validate = { cert_body: text, cert_chain: chain, private_key: text };

/** Bodies of requests (SCP API guide 1.2, "Models"). What is not in the guide is refused. */
export const shapes = {
  /** `CertificateDuplicateRequest` */
  duplicate: z.strictObject({ name: text }),
  /** `CertificateValidateRequestV1Dot1` */
  validate: z.strictObject(validate),
  /** `CertificateValidateRequest` */
  validateV1Dot0: z.strictObject({ ...validate, is_need_cert_chain: z.boolean() }),
  /** `CertificateCreateRequest` */
  create: z.strictObject({ ...validate, name: certificateName, ...mails }),
  /** `SelfSignCreateRequest` */
  selfSign: z.strictObject({
    cn: text,
    name: certificateName,
    not_after_dt: day,
    not_before_dt: day,
    organization: text,
    ...mails,
  }),
};

export type Validate = z.infer<typeof shapes.validate> & { is_need_cert_chain?: boolean };
