package s3

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
)

// ClientOptions are options of [NewClient]. What is left empty is found by the SDK's usual ways: AWS_ENDPOINT_URL_S3 or
// AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, ~/.aws, and the roles of the
// machine or container.
type ClientOptions struct {
	// Endpoint is the store's address, as in "https://s3.example.com". Defaults to Amazon's for the region.
	Endpoint string
	// Region defaults to us-east-1 where none is configured.
	Region string
	// VirtualHost puts the bucket into the host name of requests to an endpoint that is not Amazon's. By default it is in
	// the path there.
	VirtualHost bool
	// HTTP makes the requests to the store, not those for credentials. Defaults to the SDK's client, with up to 64 idle
	// connections to a host.
	HTTP *http.Client
}

// NewClient returns a client of the SDK's usual configuration. It may read files, and makes requests only if credentials
// must be fetched. Use the SDK itself for what it does not offer.
func NewClient(ctx context.Context, o ClientOptions) (*awss3.Client, error) {
	load := []func(*config.LoadOptions) error{
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.MaxIdleConnsPerHost = 64 })),
	}
	if o.Region != "" {
		load = append(load, config.WithRegion(o.Region))
	}
	c, err := config.LoadDefaultConfig(ctx, load...)
	if err != nil {
		return nil, err
	}
	if c.Region == "" {
		c.Region = "us-east-1"
	}
	return awss3.NewFromConfig(c, func(so *awss3.Options) {
		if o.HTTP != nil {
			so.HTTPClient = o.HTTP
		}
		if o.Endpoint != "" {
			so.BaseEndpoint = &o.Endpoint
		}
		if so.BaseEndpoint != nil {
			u, err := url.Parse(*so.BaseEndpoint)
			so.UsePathStyle = err == nil && !strings.HasSuffix(u.Hostname(), ".amazonaws.com") && !o.VirtualHost
		}
	}, plain), nil
}
