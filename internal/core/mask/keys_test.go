package mask

import (
	"encoding/base64"
	"encoding/hex"
	"math/rand"
	"testing"
)

func TestClassify(t *testing.T) {
	for want, names := range map[class][]string{
		secret: {
			"password", "PASSWORD", "dbPassword", "db-password", "db.password", "DB_PASSWORD_1", "passwd", "passphrase", "token", "authToken", "GITHUB_TOKEN",
			"apiKey", "api_key", "x-api-key", "apikey", "clientSecret", "client-secret", "privateKey", "secretAccessKey", "AWS_SECRET_ACCESS_KEY", "connectionString",
			"AccountKey", "encryption-key", "cookieSecret", "hmac-secret", "tokens", "user_passwords", "redis-pwd", "smtpPass", "DB_PASS",
		},
		maybe: {"secret", "tlsSecret", "tokenSecret", "passwordSecret", "secretKey", "accessKey", "credentials", "auth", "MY_PASS", "ssh-key"},
		plain: {
			"", "x", "secretName", "secretRef", "tokenSecretRef", "secretKeyRef", "passwordSecretName", "passwordKey", "passwordFile", "tokenPath", "token_url", "PWD", "OLDPWD",
			"tokenExpirationSeconds", "privateKeySecretRef", "nextPageToken", "key", "keys", "monkey", "author", "tokenReview", "passwordPolicy", "secrets-store", "caBundle",
			"certificate", "public-key", "accessKeyID", "privateKeyAlgorithm",
		},
	} {
		for _, name := range names {
			if got := classify(name); got != want {
				t.Errorf("%q is of class %d, want %d", name, got, want)
			}
		}
	}
}

func TestRandom(t *testing.T) {
	r := rand.New(rand.NewSource(1))
	missed := 0
	for n := range 1000 {
		raw := make([]byte, 16+n%32)
		r.Read(raw)
		for _, s := range []string{hex.EncodeToString(raw), base64.StdEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw)} {
			if !random(s) && nameLike(s) {
				missed++
			}
		}
	}
	if missed > 10 {
		t.Errorf("%d of 3,000 random values were taken for names", missed)
	}
	for _, s := range []string{"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "8f14e45fceea167a5a36dedd4bea2543", "Zx8Kq2Lm9Pw4Rt7V"} {
		if !random(s) {
			t.Errorf("%q was taken for a name", s)
		}
	}
	for _, s := range []string{
		"", "my-secret", "grafana-admin-credentials", "argocd-initial-admin-secret", "cert-manager-webhook-ca", "letsencrypt-prod-account-key", "tls.crt", "POSTGRES_PASSWORD",
		"example.com/secrets/v1/db-2", "projects/my-project-123/secrets/x", "kubernetes.io/service-account-token", "bootstrap-token-abcdef", "external-secrets.io/v1beta1",
		"vault/data/production/eu-west-1/db", "prometheus-k8s-thanos-objectstorage", "sh.helm.release.v1.app.v12", "aws-ebs-csi-driver-2024", "thisIsACamelCaseName",
	} {
		if random(s) {
			t.Errorf("%q was taken for a secret", s)
		}
	}
}
