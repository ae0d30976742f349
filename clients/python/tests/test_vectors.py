"""The cases that clients and server share: python3 -m unittest discover -s tests, in clients/python."""
import base64
import json
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from countersign_gateway import is_authentic, sign  # noqa: E402

VECTORS = json.loads((pathlib.Path(__file__).parents[2] / 'vectors.json').read_text('utf-8'))
SECRETS = {key['api_key']: key['secret'] for key in VECTORS['keys']}


def base64_mac(text, secret):
    return base64.b64encode(bytes.fromhex(sign(text.encode(), secret).mac)).decode()


class Vectors(unittest.TestCase):
    def test_requests_are_signed_as_the_gateway_reads_them(self):
        for case in VECTORS['requests']:
            with self.subTest(case['reason']):
                secret = SECRETS[case['api_key']]
                signed = sign(case['signed'].encode(), secret)
                self.assertEqual(signed.mac, case['mac_hex'])
                self.assertEqual(base64_mac(case['signed'], secret), case['mac_base64'])
                if case.get('signature_is') == 'last':
                    self.assertEqual(signed.body, case['body'].encode())

    def test_replies_are_believed_only_when_the_gateway_signed_them(self):
        for case in VECTORS['replies']:
            with self.subTest(case['reason']):
                body = case['body'].encode()
                believed = is_authentic(case['header'], case['request_mac'], case['status'], body, case['secret'])
                self.assertIs(believed, case['authentic'])

    def test_refused_requests_are_genuine_only_where_the_vectors_say_so(self):
        for case in VECTORS['refusals']:
            with self.subTest(case['reason']):
                genuine = base64_mac(case['signed'], SECRETS[case['api_key']]) == case['signature']
                self.assertIs(genuine, case['genuine'])

    def test_there_are_cases_of_every_kind(self):
        for kind in ('requests', 'replies', 'refusals'):
            self.assertGreater(len(VECTORS[kind]), 10)


if __name__ == '__main__':
    unittest.main()
